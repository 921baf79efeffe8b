import Messages

@testable import HostAgent

/// Starting the guest from the replica alone, in the order of `ReplicaRecovery`.
extension WalkHost {
    /// - Parameter cycle: nil stands for the newest point, or the one that runs.
    /// - Returns: what came of it, for people.
    mutating func recover(cycle: UInt64?) throws -> String {
        let wasUp = isUp
        // Without an agent the command is one for as long as it takes.
        if !wasUp { agentStarts() }
        defer { if !wasUp, isUp { agentEnds() } }
        do {
            guard let held = replica else { throw Self.refused("no replica", .notFound) }
            guard let chosen = cycle ?? held.running ?? held.points.last else {
                throw Self.refused("no point", .notFound)
            }
            let generation = try takeSide()
            try step()
            var order = StartedReplica.Order(
                purpose: .failover, cycle: chosen, generation: generation,
                onBase: held.isAdopted && held.points.isEmpty)
            do {
                _ = try start(order)
            } catch  where held.isAdopted && RemoteError(answering: error).code == .conflict {
                order.onBase = true
                _ = try start(order)
            }
            try step()
            return "point \(chosen) runs at generation \(generation)"
        } catch is WalkKilled {
            agentEnds()
            return "killed"
        } catch let violation as WalkViolation {
            throw violation
        } catch {
            let refused = RemoteError(answering: error)
            guard !refused.message.isEmpty else { throw WalkViolation("a recovery was refused without a sentence") }
            return refused.message
        }
    }

    private mutating func takeSide() throws -> UInt64 {
        let seen = describeSide()
        let held = replica?.generation ?? 0
        if seen.active, seen.generation >= held { return seen.generation }
        let generation = max(seen.generation, held) + 1
        try setSide(
            SideStateMachine.Order(guest: WalkWords.protectedGuest, generation: generation, standing: .active))
        return generation
    }
}
