import FoundationEssentials
import Messages
import Repeatable
import Replica
import SwiftProtobuf

@testable import HostAgent

/// The target role, upon a replica of the walk.
extension WalkHost {
    mutating func admit(_ generation: UInt64) throws {
        guard generation > 0 else { throw Self.refused("no generation", .invalidArgument) }
        guard let seen = replica?.generation else { throw Self.refused("no replica", .notFound) }
        guard generation >= seen else { throw Self.refused("generation \(seen)", .staleGeneration) }
        guard generation > seen else { return }
        replica?.generation = generation
        try discardCycle()
    }

    mutating func discardCycle() throws {
        _ = try receiving.abort(cycle: nil)
        order = nil
        records = [:]
    }

    mutating func openCycle(_ request: Messages.OpenCycle, _ generation: UInt64) throws -> CycleOpened {
        let asked = try TargetRole.CycleOrder(request, generation: generation)
        let opening = asked.opening
        if replica == nil {
            guard generation >= retired else { throw Self.refused("generation \(retired)", .staleGeneration) }
            guard opening.parentCycle == 0 else { throw Self.refused("no replica", .wrongParent) }
            replica = WalkReplica(generation: generation)
            try step()
        }
        try admit(generation)
        let parent = opening.parentCycle == 0 ? nil : opening.parentCycle
        let token: [UInt8]
        switch try receiving.open(cycle: opening.cycle, parent: parent, generation: generation) {
        case .answerAgain(let current):
            token = current.token
        case .open(let discarding):
            if discarding != nil { try discardCycle() }
            try checkReceiving(asked)
            token = tokens.bytes(16)
            receiving.opened(
                CycleStateMachine.Opening(cycle: opening.cycle, parent: parent, generation: generation, token: token))
            order = asked
            records = [:]
        }
        return .with {
            $0.bulkEndpoint = "walk"
            $0.transferToken = Data(token)
            $0.cycleKey = Data(repeating: 1, count: 32)
            $0.diverged = mustCover.sorted().map { block in
                .with {
                    $0.offset = UInt64(block) * WalkGuest.blockBytes
                    $0.length = WalkGuest.blockBytes
                }
            }
        }
    }

    private func checkReceiving(_ asked: TargetRole.CycleOrder) throws {
        guard let replica else { preconditionFailure("it was made before") }
        if let running = replica.running { throw Self.refused("a guest runs from \(running)") }
        if case .absorbing = replica.base { throw Self.refused("absorbing") }
        if let settling = replica.settling { throw Self.refused("settling on \(settling)") }
        let opening = asked.opening
        guard opening.parentCycle == replica.newest, opening.cycle > opening.parentCycle else {
            throw Self.refused("it holds \(replica.newest), not \(opening.parentCycle)", .wrongParent)
        }
        guard replica.newest > 0 || opening.kind == .full else { throw Self.refused("the first is full", .wrongParent) }
        guard !replica.isDivergedAlone || opening.kind != .incremental || replica.written != nil else {
            throw Self.refused("the base diverged", .wrongParent)
        }
    }

    /// What the open cycle has to bring besides what changed.
    private var mustCover: Set<Int> {
        guard let replica, replica.isDivergedAlone, order?.opening.kind == .incremental else { return [] }
        return replica.written ?? []
    }

    /// A worker ships what it read; the answer is its digest, or nil when the target no longer wants it.
    mutating func receive(
        _ grant: WalkGrant, _ blocks: [Int], content: [Int], changed: Set<Int>?
    ) -> [UInt8]? {
        guard isUp, let order, receiving.opening?.token == grant.token else { return nil }
        do {
            let job = try CycleStateMachine.StoredJob(
                .with {
                    $0.job = grant.job
                    $0.attempt = grant.attempt
                    $0.digest = Data(repeating: 0, count: 32)
                }
            ).job
            try receiving.begin(token: grant.token, job: job, attempt: grant.attempt)
            let digest = tokens.bytes(32)
            var changes: [Int: Int] = [:]
            let held = order.opening.kind == .compare ? self.content(of: order.opening.parentCycle) : []
            for block in blocks {
                switch order.opening.kind {
                case .full: changes[block] = content[block]
                case .incremental:
                    if changed?.contains(block) ?? true || grant.diverged.contains(block) {
                        changes[block] = content[block]
                    }
                case .compare: if held[block] != content[block] { changes[block] = content[block] }
                }
            }
            records[grant.attempt] = changes
            try receiving.finish(token: grant.token, attempt: grant.attempt, digest: digest, storedBytes: 1)
            return digest
        } catch {
            return nil
        }
    }

    mutating func commitCycle(_ request: CommitCycle, _ generation: UInt64) throws -> CycleCommitted {
        try admit(generation)
        let cycle = request.cycle
        let answer = CycleCommitted.with {
            $0.point = .with { $0.cycle = cycle }
            $0.storedBytes = 1
        }
        if replica?.points.contains(cycle) == true { return answer }
        let attempts = try receiving.commit(
            cycle: cycle, jobs: try request.jobs.map { try CycleStateMachine.StoredJob($0) })
        guard side?.isActive != true || (side?.generation ?? 0) < generation else {
            throw WalkViolation("host \(index) is active and takes cycle \(cycle) of generation \(generation)")
        }
        var changes: [Int: Int] = [:]
        for attempt in attempts { changes.merge(records[attempt] ?? [:]) { _, new in new } }
        guard mustCover.isSubset(of: changes.keys) else {
            throw WalkViolation("cycle \(cycle) leaves out \(mustCover.subtracting(changes.keys).sorted())")
        }
        try step()
        replica?.logs.append(WalkReplica.Log(cycle: cycle, changes: changes))
        receiving.committed()
        order = nil
        records = [:]
        try step()
        return answer
    }

    mutating func abortCycle(_ cycle: UInt64, _ generation: UInt64) throws {
        guard replica != nil else { return }
        try admit(generation)
        guard replica?.points.contains(cycle) != true else { throw Self.refused("committed", .alreadyExists) }
        if try receiving.abort(cycle: cycle) != nil {
            order = nil
            records = [:]
        }
    }

    func describeReplica() throws -> Messages.ReplicaDescription {
        guard let replica else { throw Self.refused("no replica", .notFound) }
        return .with {
            $0.protection = protection
            $0.guestUuid = WalkWords.protectedGuest
            $0.generation = replica.generation
            $0.baseCycle = replica.baseCycle
            $0.newestCycle = replica.points.last ?? 0
            $0.points = UInt32(replica.points.count)
            $0.openCycle = receiving.opening?.cycle ?? 0
            $0.adopted = replica.isAdopted
            $0.runningCycle = replica.running ?? 0
        }
    }

    func listPoints() throws -> PointList {
        guard let replica else { throw Self.refused("no replica", .notFound) }
        return .with {
            $0.points = replica.points.map { cycle in
                .with {
                    $0.cycle = cycle
                    $0.consistency = .crash
                }
            }
        }
    }

    mutating func deleteReplica(_ generation: UInt64) throws {
        guard started == nil || isOvertaken, test == nil else { throw Self.refused("a guest runs from the replica") }
        if let started {
            try admit(generation)
            try remove(started)
        }
        guard generation >= retired else { throw Self.refused("generation \(retired)", .staleGeneration) }
        if replica != nil {
            try admit(generation)
            try discardCycle()
            retired = generation
            try step()
            replica = nil
        }
        startedOnBase = nil
    }

    /// Started under a generation that is over, and off.
    var isOvertaken: Bool {
        guard let started, let side, !side.isActive, side.generation > started.order.generation else { return false }
        return guest?.isOn != true
    }

    // MARK: Folding

    /// What a guest or a view reads, which a fold to another point would change under it.
    private func requireHeld(only cycle: UInt64) throws {
        if let running = replica?.running, running != cycle { throw Self.refused("a guest runs from \(running)") }
        if let view = test?.order.cycle, view != cycle { throw Self.refused("a test runs from \(view)") }
    }

    mutating func fold(to target: UInt64) throws {
        guard var held = replica else { return }
        if case .settled(target) = held.base { return }
        try requireHeld(only: target)
        if case .folding(let other) = held.base, other != target { try finishFold(other) }
        guard held.points.contains(target) || held.base == .folding(to: target) else {
            throw Self.refused("no point \(target)", .notFound)
        }
        held.base = .folding(to: target)
        replica?.base = held.base
        try step()
        try finishFold(target)
    }

    private mutating func finishFold(_ target: UInt64) throws {
        guard let logs = replica?.logs else { return }
        if replica?.isAdopted == true, guest?.isOwn == true, guest?.isOn == true {
            // QEMU's locks are the last fence.
            throw Self.refused("the guest has the image open")
        }
        for log in logs where log.cycle <= target {
            for block in log.changes.keys.sorted() {
                base[block] = log.changes[block] ?? 0
                try step()
            }
        }
        replica?.base = .settled(target)
        try step()
        replica?.logs.removeAll { $0.cycle <= target }
    }

    mutating func settle(on cycle: UInt64) throws {
        guard let held = replica else { throw Self.refused("no replica", .notFound) }
        if let settling = held.settling {
            guard settling == cycle else { throw Self.refused("settling on \(settling)") }
        } else {
            if case .absorbing = held.base { throw Self.refused("absorbing") }
            guard held.points.contains(cycle) else { throw Self.refused("no point \(cycle)", .notFound) }
            try requireHeld(only: cycle)
            try discardCycle()
            if case .settled(cycle) = held.base, held.logs.isEmpty { return }
            replica?.settling = cycle
            replica?.logs.removeAll { $0.cycle > cycle }
            try step()
        }
        if case .folding(let target) = replica?.base, target < cycle { try finishFold(target) }
        try fold(to: cycle)
        replica?.settling = nil
    }

    /// Retention, now and then: the oldest points go into the base.
    mutating func retain(most: Int) throws {
        guard let held = replica, held.settling == nil else {
            if let settling = replica?.settling { try settle(on: settling) }
            return
        }
        if case .folding(let target) = held.base { return try fold(to: target) }
        guard held.points.count > most, held.running == nil, test == nil else { return }
        try fold(to: held.points[held.points.count - most])
    }
}
