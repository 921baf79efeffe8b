import FoundationEssentials
import Messages
import SwiftProtobuf

@testable import HostAgent

/// Sides: which order holds, and what is done about the guest.
extension WalkHost {
    mutating func setSide(_ order: SideStateMachine.Order) throws {
        switch learn(order) {
        case .newer, .otherFence, .same: break
        case .older(let seen): throw Self.refused("generation \(seen)", .staleGeneration)
        case .contradicts: throw Self.refused("the generation is the other side's", .conflict)
        case .otherGuest: throw Self.refused("another guest", .conflict)
        }
        try step()
        look(shuttingDown: false)
    }

    mutating func learn(_ order: SideStateMachine.Order) -> SideStateMachine.Learning {
        guard var known = side else {
            side = SideStateMachine(order)
            return .newer
        }
        let learning = known.learn(order)
        side = known
        return learning
    }

    mutating func activate(guest: String, generation: UInt64) {
        if let side, side.generation >= generation { return }
        _ = learn(SideStateMachine.Order(guest: guest, generation: generation, standing: .active))
        look(shuttingDown: false)
    }

    func requireStart(_ generation: UInt64) throws {
        guard let side, side.generation >= generation else { return }
        try side.requireActive(generation: generation)
    }

    func requirePassive(_ generation: UInt64) throws {
        guard let side, side.generation <= generation, !side.isActive else {
            throw Self.refused("the side is not known to be passive")
        }
    }

    /// Looks at the guest and holds it to its side.
    mutating func look(shuttingDown: Bool) {
        guard isUp, let known = guest, var machine = side else { return }
        let seen = SideStateMachine.Observation(
            power: known.isOn ? .on : .off, autostart: known.startsWithHost, isBase: replica?.isAdopted == true)
        let actions = machine.act(on: seen)
        for action in actions {
            switch action {
            case .switchAutostart(let isOn): guest?.startsWithHost = isOn
            // Guests shut down at once here, so none goes off late.
            case .cutLinks, .joinLinks, .startAgain: break
            case .shutDown:
                guard shuttingDown else { continue }
                guest?.end(cleanly: true)
            }
            machine.did(action)
        }
        side = machine
    }

    mutating func stopGuest(_ generation: UInt64) throws -> GuestStopped {
        if let side, side.generation > generation { throw Self.refused("older", .staleGeneration) }
        // One that is not defined is off, as was asked.
        guard let known = guest else { return GuestStopped() }
        try step()
        guest?.end(cleanly: true)
        stopped = guest?.starts
        settleIfOff()
        return .with { $0.wasRunning = known.isOn }
    }

    mutating func startGuest(_ generation: UInt64) throws {
        if let side, side.generation > generation { throw Self.refused("older", .staleGeneration) }
        try side?.requireActive(generation: generation)
        guard let known = guest else { throw Self.refused("no guest", .notFound) }
        guard !known.isOn else { return }
        if replica?.isAdopted == true, !(try releaseUntouched()) {
            throw Self.refused("the disks are a replica's base")
        }
        try step()
        guest?.isOn = true
    }

    func describeSide() -> SideDescription {
        let knowledge = SideKnowledge(side: side, replica: replica?.generation)
        return .with {
            $0.generation = knowledge.generation
            $0.active = knowledge.isActive
            $0.hasReplica_p = replica != nil
            if let guest { $0.power = guest.isOn ? .running : .shutOff }
            if let running = started?.started { $0.failover = ReplicaStarted(running) }
            if started == nil, let onBase { $0.failover = ReplicaStarted(onBase) }
            if let guest, !guest.isOn, let stopped, stopped != guest.starts, replica == nil || $0.hasFailover {
                $0.alarm = "The guest ran again."
            }
            if let running = test?.started { $0.test = ReplicaStarted(running) }
        }
    }

    /// The guest that was started on its own disks, while this is the side that it was started for.
    private var onBase: StartedGuest? {
        guard let startedOnBase, side?.isActive == true, side?.generation == startedOnBase.generation else {
            return nil
        }
        return startedOnBase.guest
    }

    // MARK: Reports

    mutating func report() -> ReportInventory {
        reports += 1
        return .with {
            $0.hostID = WalkWords.hosts[index]
            $0.sequence = reportRun << 32 | reports
            $0.capacity = Self.capacity
            if let guest {
                $0.guests = [
                    .with {
                        $0.uuid = WalkWords.protectedGuest
                        $0.name = "web"
                        $0.hostID = WalkWords.hosts[index]
                        $0.power = guest.isOn ? .running : .shutOff
                        $0.memoryBytes = 1 << 30
                        $0.virtualCpus = 1
                        $0.definitionDigest = Data(repeating: 1, count: 32)
                        $0.disks = [
                            .with {
                                $0.target = "vda"
                                $0.sizeBytes = UInt64(WalkGuest.blocks) * WalkGuest.blockBytes
                                $0.format = "qcow2"
                                $0.source = "/walk/vda"
                            }
                        ]
                    }
                ]
            }
            if side != nil || replica != nil {
                let knowledge = SideKnowledge(side: side, replica: replica?.generation)
                $0.sides = [
                    SideReport(
                        protection: protection, generation: knowledge.generation, active: knowledge.isActive,
                        cycle: started?.started?.cycle ?? onBase?.cycle ?? 0)
                ]
            }
        }
    }

    static let capacity = HostCapacity.with {
        $0.memoryBytes = 16 << 30
        $0.memoryFreeBytes = 12 << 30
        $0.replicaBytes = 1 << 40
        $0.replicaFreeBytes = 1 << 39
    }

    /// What the vault answers to a report.
    mutating func take(_ duties: HostDuties) {
        let orders = SideStateMachine.Order.orders(duties)
        let current = protection
        for protection in orders.keys.sorted() {
            turn(to: protection)
            _ = orders[protection].map { learn($0) }
        }
        turn(to: current)
        forEachPart { host in
            guard orders[host.protection] == nil, host.isEnding || !orders.isEmpty else { return }
            host.side = nil
            host.isEnding = false
        }
        forEachPart { host in
            let wasOn = host.guest?.isOn
            host.look(shuttingDown: true)
            if host.guest?.isOn != wasOn, orders[host.protection] == nil { host.fencedUnnamed.append(host.protection) }
        }
    }
}
