import Messages
import SwiftProtobuf

@testable import HostAgent

/// Guests that are started from the replica: `StartedReplica` says what is to be done, and this does it in the order of
/// the agent's role.
extension WalkHost {
    private static let name = "web"

    private func guestStarted(_ order: StartedReplica.Order) -> StartedGuest {
        StartedGuest(
            uuid: WalkWords.protectedGuest, name: Self.name, cycle: order.cycle, startMilliseconds: 1,
            runningUnixMilliseconds: 1, warnings: [])
    }

    // MARK: Start

    mutating func start(_ order: StartedReplica.Order) throws -> StartedGuest {
        if order.onBase { return try startOnBase(order) }
        let known = order.purpose == .failover ? started : test
        switch order.purpose {
        case .test:
            guard let seen = replica?.generation else { throw Self.refused("no replica", .notFound) }
            guard order.generation >= seen else { throw Self.refused("generation \(seen)", .staleGeneration) }
        case .failover:
            try requireStart(order.generation)
            try admit(order.generation)
            try step()
            activate(guest: WalkWords.protectedGuest, generation: order.generation)
        }
        try step()
        switch try StartedReplica.start(order, upon: known) {
        case .answer(let guest): return guest
        case .goOn:
            guard let known else { preconditionFailure("what goes on is known") }
            return try begin(known, goesOn: true)
        case .removeThenBegin:
            guard let known else { preconditionFailure("what is removed is known") }
            try remove(known)
            return try begin(try fresh(order))
        case .begin:
            return try begin(try fresh(order))
        }
    }

    private func fresh(_ order: StartedReplica.Order) throws -> StartedReplica {
        guard replica?.points.contains(order.cycle) == true else {
            throw Self.refused("no point \(order.cycle)", .notFound)
        }
        return StartedReplica(
            order: order, guest: WalkWords.protectedGuest, guestName: Self.name, viewSocket: "/walk/view")
    }

    private mutating func keep(_ record: StartedReplica) {
        switch record.order.purpose {
        case .test: test = record
        case .failover: started = record
        }
    }

    private mutating func begin(_ begun: StartedReplica, goesOn: Bool = false) throws -> StartedGuest {
        var begun = begun
        begun.phase = .starting
        keep(begun)
        do {
            try step()
            try make(begun.order)
            try step()
        } catch let error as RemoteError {
            // One that may have run is not thrown away unasked.
            let mayHaveRun = begun.order.purpose == .test ? testContent != nil : guest?.isOwn == false
            if !(goesOn && mayHaveRun) { try remove(begun) }
            throw error
        }
        let running = guestStarted(begun.order)
        begun.phase = .running(running)
        keep(begun)
        return running
    }

    private mutating func make(_ order: StartedReplica.Order) throws {
        let cycle = order.cycle
        guard replica?.points.contains(cycle) == true else { throw Self.refused("no point \(cycle)", .notFound) }
        guard order.purpose == .failover else {
            testContent = content(of: cycle)
            return
        }
        try markRunning(cycle)
        try step()
        if let known = guest {
            if !known.isOwn {
                guest?.isOn = true
                return
            }
            guard !known.isOn, replica?.isAdopted == true else {
                throw Self.refused("a guest is there", .alreadyExists)
            }
            // Its definition is kept beside the manifest.
            guest = nil
            try step()
        }
        guest = WalkGuest(
            isOn: true, isOwn: false, shadow: content(of: cycle), checkpoints: [cycle: WalkGuest.Checkpoint()])
    }

    private mutating func markRunning(_ cycle: UInt64) throws {
        if let running = replica?.running {
            guard running == cycle else { throw Self.refused("a guest runs from \(running)") }
            return
        }
        if let settling = replica?.settling, settling != cycle { throw Self.refused("settling on \(settling)") }
        try discardCycle()
        replica?.running = cycle
    }

    // MARK: Stop

    mutating func stop(_ purpose: StartedReplica.Purpose, _ generation: UInt64) throws {
        let known = purpose == .failover ? started : test
        if known == nil, purpose == .failover, startedOnBase != nil { throw Self.refused("it runs on its own disks") }
        switch try StartedReplica.stop(known) {
        case .nothing: return
        case .forgetIfOff:
            try admit(generation)
            guard guest?.isOn != true else { throw Self.refused("it runs on its own disks") }
            if isHandedOver { replica?.running = nil }
            try step()
            started = nil
        case .remove:
            guard let known else { preconditionFailure("what is removed is known") }
            if purpose == .failover { try admit(generation) }
            if purpose == .failover, let guest, !guest.isOwn, !guest.overlay.isEmpty {
                losses.append("host \(index) drops what its guest wrote after point \(known.order.cycle)")
            }
            try remove(known)
        }
    }

    mutating func remove(_ known: StartedReplica) throws {
        var known = known
        known.phase = .stopping
        keep(known)
        try step()
        switch known.order.purpose {
        case .test:
            testContent = nil
            try step()
            test = nil
        case .failover:
            if guest?.isOwn == false { guest = nil }
            try step()
            replica?.running = nil
            try step()
            started = nil
        }
    }

    // MARK: On its own disks

    private mutating func startOnBase(_ order: StartedReplica.Order) throws -> StartedGuest {
        guard order.purpose == .failover else { throw Self.refused("a test on the base", .invalidArgument) }
        if let done = startedOnBase, done.generation >= order.generation {
            guard done.generation == order.generation, done.guest.cycle == order.cycle else {
                throw Self.refused("generation \(done.generation)", .staleGeneration)
            }
            releaseReplica()
            look(shuttingDown: false)
            return done.guest
        }
        try requireStart(order.generation)
        try admit(order.generation)
        switch try StartedReplica.start(order, upon: started) {
        case .answer(let guest): return guest
        case .begin, .goOn: break
        case .removeThenBegin: if let started { try remove(started) }
        }
        guard replica?.isAdopted == true else { throw Self.refused("the base was not adopted") }
        let isHandedOver = isHandedOver && replica?.baseCycle == order.cycle
        guard isHandedOver || replica?.points.contains(order.cycle) == true else {
            throw Self.refused("no point \(order.cycle)", .notFound)
        }
        activate(guest: WalkWords.protectedGuest, generation: order.generation)
        started = StartedReplica(order: order, guest: WalkWords.protectedGuest, guestName: Self.name, viewSocket: "")
        try step()
        if !isHandedOver { try settle(on: order.cycle) }
        try step()
        if guest == nil { guest = WalkGuest(isOn: false, isOwn: true, shadow: base) }
        try step()
        if guest?.isOn == true {
            guard isHandedOver || guest?.checkpoints.keys.contains(where: { $0 >= order.cycle }) == true else {
                throw Self.refused("it runs untracked")
            }
        } else {
            try handOver(on: order.cycle)
            try step()
            guest?.isOn = true
            let held = base
            guest?.shadow = held
            // Handed over before, it may have written.
            if !isHandedOver {
                guest?.release()
                guest?.checkpoints = [order.cycle: WalkGuest.Checkpoint()]
            }
        }
        try step()
        let running = guestStarted(order)
        startedOnBase = (order.generation, running)
        try step()
        releaseReplica()
        look(shuttingDown: false)
        return running
    }

    private var isHandedOver: Bool {
        guard let replica, case .diverged(let cycle) = replica.base else { return false }
        return replica.running == cycle
    }

    /// Its point is no longer listed when the guest may write to the disks that it is read from.
    private mutating func handOver(on cycle: UInt64) throws {
        guard !isHandedOver else { return }
        guard test == nil else { throw Self.refused("a test reads the base") }
        try discardCycle()
        replica?.base = .diverged(cycle)
        replica?.running = cycle
    }

    private mutating func releaseReplica() {
        guard let held = replica else { return }
        retired = held.generation
        replica = nil
        started = nil
        receiving = CycleStateMachine()
        order = nil
        records = [:]
    }

    // MARK: Commit and prepare

    mutating func commitReplica(_ generation: UInt64) throws -> WorkProgress {
        try admit(generation)
        if let failure {
            self.failure = nil
            throw failure
        }
        switch try StartedReplica.commit(started) {
        case .nothing: return .with { $0.finished = true }
        case .settle:
            if let running = started?.started { started?.phase = .committing(running) }
            return WorkProgress()
        }
    }

    mutating func prepareReplica(_ generation: UInt64) throws -> WorkProgress {
        try admit(generation)
        guard replica?.isAdopted == true else { throw Self.refused("the base was not adopted") }
        guard started == nil else { throw Self.refused("a guest runs from the replica") }
        if let failure {
            self.failure = nil
            throw failure
        }
        if let prepares, replica?.baseCycle ?? 0 >= prepares {
            self.prepares = nil
            return .with { $0.finished = true }
        }
        if prepares == nil { prepares = replica?.points.last ?? 0 }
        return WorkProgress()
    }

    mutating func settleIfOff() {
        guard isUp, let known = started, case .committed(let running) = known.phase,
            known.canSettleOnBase(guestIsOff: guest?.isOn != true)
        else { return }
        started?.phase = .plain(running)
    }
}
