import Messages

@testable import HostAgent

/// What goes on at a host without being asked for.
extension WalkHost {
    /// What commands began.
    mutating func work() throws {
        do {
            try forEachPart { try $0.workOnPart() }
        } catch is WalkKilled {
            agentEnds()
        }
    }

    private mutating func workOnPart() throws {
        if let known = started, case .committing(let running) = known.phase {
            do {
                try settle(on: known.order.cycle)
                try step()
                started?.phase = .committed(running)
            } catch let error as RemoteError {
                failure = error
                if replica?.settling == nil { started?.phase = .running(running) }
            }
        }
        if let prepares, prepares > 0 {
            do {
                try fold(to: prepares)
            } catch let error as RemoteError {
                failure = error
                self.prepares = nil
            }
        }
        settleIfOff()
    }

    /// Captures that nobody keeps alive, and points that are older than they have to be.
    mutating func watch(now: Int64) throws {
        try forEachPart { host in
            do {
                try host.watchCaptures(now: now)
                try host.retain(most: 5)
            } catch is RemoteError {
                // Something reads what was to be folded: the next time.
            }
        }
    }
}
