/// The life of captures of one protection on the source host, as a value: requests, the passing of time and outcomes
/// go in; what to do at the hypervisor comes out.
///
/// ```
///            open                 began                    keep
///   idle ───────────► opening ───────────► open ◄──────────────┐
///    ▲                   │ beginFailed      │ └────────────────┘
///    │◄──────────────────┘                  │ close, expire, lost, open of another cycle
///    └──────── closed ◄── closing ◄─────────┘
/// ```
///
/// The driver runs at most one action of a protection at a time, and saves ``ledger`` and ``generation`` before it
/// carries an action out, because after a crash the ledger has to say which checkpoint must stay.
///
/// When nobody tells whether the target committed, the older checkpoint stays and the newer goes: a bitmap that began
/// at an older point holds every change since the newer one too, so nothing is ever missed, and at worst some blocks
/// are sent once more.
package struct CaptureStateMachine: Sendable {
    package struct Order: Sendable, Equatable {
        package enum Kind: Sendable, Equatable { case full, incremental, compare }

        package var cycle: UInt64
        package var kind: Kind
        /// The cycle the target holds; nil for a first full one.
        package var parent: UInt64?
        package var generation: UInt64

        package init(cycle: UInt64, kind: Kind, parent: UInt64?, generation: UInt64) {
            self.cycle = cycle
            self.kind = kind
            self.parent = parent
            self.generation = generation
        }
    }

    package enum Phase: Sendable, Equatable {
        case idle
        case opening(Order)
        case open(Order, expires: ContinuousClock.Instant)
        /// The backup job is being ended; tried again at `retry` when that fails.
        case closing(Order, retry: ContinuousClock.Instant)
        /// It ended before its owner closed it: `reason` is told when the owner asks.
        case lost(Order, reason: String)
    }

    package enum OpenAction: Sendable, Equatable {
        /// The same capture is open: answer it again.
        case answerAgain
        /// End the backup job of `ending` (when given), leaving the checkpoint of `keep` alone; then begin.
        case begin(ending: Order?, keep: UInt64?)
    }

    package enum CloseAction: Sendable, Equatable {
        /// End the backup job of this cycle and leave the checkpoint of `keep` alone. Its job may have ended already
        /// (it expired, or the agent was started again); still, the caller has now told which checkpoint counts.
        case close(cycle: UInt64, keep: UInt64?)
        /// Repeated after it happened.
        case nothing
    }

    package private(set) var phase: Phase = .idle
    package private(set) var ledger: CheckpointLedger
    /// The newest generation ever seen for this protection; 0: none.
    package private(set) var generation: UInt64

    package init(ledger: CheckpointLedger = CheckpointLedger(), generation: UInt64 = 0) {
        self.ledger = ledger
        self.generation = generation
    }

    /// Refuses older generations and remembers newer ones.
    package mutating func admit(generation given: UInt64) throws {
        guard given != 0 else {
            throw HostAgentError(
                .invalidArgument, "The command carries no generation.",
                remedy: "Put the protection's generation into the envelope.")
        }
        guard given >= generation else { throw HostAgentError.staleGeneration(given, seen: generation) }
        generation = given
    }

    package mutating func open(_ order: Order) throws -> OpenAction {
        try admit(generation: order.generation)
        guard order.cycle > 0 else {
            throw HostAgentError(.invalidArgument, "A cycle's number starts at 1.")
        }
        if let parent = order.parent, parent >= order.cycle {
            throw HostAgentError(
                .invalidArgument, "The parent cycle has to be older than the cycle.",
                facts: ["cycle": "\(order.cycle)", "parent": "\(parent)"])
        }
        if case .open(let current, _) = phase, current == order { return .answerAgain }
        // Cycle numbers are never used twice, so an older one can only be a message that comes late.
        let newest = ledger.candidate ?? ledger.acknowledged ?? 0
        guard order.cycle > newest || order.cycle == ledger.candidate else {
            throw HostAgentError(
                .conflict, "Cycle \(order.cycle) is older than cycle \(newest), which was captured already.",
                remedy: "Open a cycle with a new number.",
                facts: ["cycle": "\(order.cycle)", "newest": "\(newest)"])
        }
        if order.kind == .incremental, order.parent == nil {
            throw HostAgentError(.invalidArgument, "An incremental capture needs a parent cycle.")
        }
        let ending: Order? =
            switch phase {
            case .open(let current, _), .opening(let current), .closing(let current, _): current
            case .idle, .lost: nil
            }
        // The parent is what the target holds: whoever names it has told which checkpoint counts. Without one (a first
        // full cycle) whatever was acknowledged stays until the target commits something newer.
        ledger.settle(on: order.parent ?? ledger.acknowledged)
        let keep = ledger.acknowledged
        ledger.enter(candidate: order.cycle)
        phase = .opening(order)
        return .begin(ending: ending, keep: keep)
    }

    package mutating func began(now: ContinuousClock.Instant, keep: Duration) {
        guard case .opening(let order) = phase else { preconditionFailure("began without opening: \(phase)") }
        phase = .open(order, expires: now + keep)
    }

    /// The begin did not succeed and the hypervisor removed what it had made of it.
    package mutating func beginFailed() {
        guard case .opening = phase else { preconditionFailure("beginFailed without opening: \(phase)") }
        ledger.settle(on: ledger.acknowledged)
        phase = .idle
    }

    /// The policy service's to do; an operator has nothing to do here but what the message says.
    private static let anotherCycle =
        "The policy service aborts this cycle and opens another one by itself; whoever else asked does the same."

    package mutating func keep(
        cycle: UInt64, generation given: UInt64, now: ContinuousClock.Instant, keep: Duration
    ) throws {
        try admit(generation: given)
        switch phase {
        case .open(let order, _) where order.cycle == cycle:
            phase = .open(order, expires: now + keep)
        case .lost(let order, let reason) where order.cycle == cycle:
            throw HostAgentError(
                .failedPrecondition, "The capture of cycle \(cycle) was lost: \(reason)",
                remedy: Self.anotherCycle, facts: ["cycle": "\(cycle)"])
        case .idle, .opening, .open, .closing, .lost:
            throw HostAgentError(
                .notFound, "No capture of cycle \(cycle) is open.",
                remedy: Self.anotherCycle, facts: ["cycle": "\(cycle)"])
        }
    }

    package mutating func close(
        cycle: UInt64, committed: Bool, keepCheckpointOf kept: UInt64?, generation given: UInt64,
        now: ContinuousClock.Instant
    ) throws -> CloseAction {
        try admit(generation: given)
        if !committed, let kept, kept >= cycle {
            throw HostAgentError(
                .invalidArgument, "The checkpoint to keep is of cycle \(kept), which is not before cycle \(cycle).",
                facts: ["field": "keep_checkpoint_of_cycle", "value": "\(kept)"])
        }
        switch phase {
        case .open(let order, _), .opening(let order), .closing(let order, _):
            guard order.cycle == cycle else {
                // A close that comes late must not end the capture that is open now.
                throw HostAgentError(
                    .conflict, "Cycle \(order.cycle) is open, not cycle \(cycle).",
                    facts: ["open": "\(order.cycle)", "cycle": "\(cycle)"])
            }
            ledger.settle(on: committed ? cycle : (kept ?? ledger.acknowledged))
            phase = .closing(order, retry: now + HostAgentLimits.closeRetryInterval)
            return .close(cycle: cycle, keep: ledger.acknowledged)
        case .idle, .lost:
            // Only while its outcome is still open does the message say anything new; an older one changes nothing.
            guard ledger.candidate == cycle else { return .nothing }
            ledger.settle(on: committed ? cycle : (kept ?? ledger.acknowledged))
            phase = .idle
            return .close(cycle: cycle, keep: ledger.acknowledged)
        }
    }

    /// Whether `expire` has something to do.
    package func isExpired(now: ContinuousClock.Instant) -> Bool {
        switch phase {
        case .open(_, let expires): expires <= now
        case .closing(_, let retry): retry <= now
        case .idle, .opening, .lost: false
        }
    }

    /// The capture's time ran out, or ending it failed and is due again.
    package mutating func expire(now: ContinuousClock.Instant) -> CloseAction? {
        guard isExpired(now: now) else { return nil }
        switch phase {
        case .open(let order, _), .closing(let order, _): return lose(order, now: now)
        case .idle, .opening, .lost: return nil
        }
    }

    /// The hypervisor said that the capture is of no more use (scratch space ran low, the guest went away).
    package mutating func lost(cycle: UInt64, now: ContinuousClock.Instant) -> CloseAction? {
        guard case .open(let order, _) = phase, order.cycle == cycle else { return nil }
        return lose(order, now: now)
    }

    /// The job is ended. `reason`: why, when its owner did not ask for it.
    package mutating func closed(reason: String?) {
        switch phase {
        case .closing(let order, _): phase = reason.map { .lost(order, reason: $0) } ?? .idle
        // Settled after it was lost.
        case .idle, .lost: break
        case .opening, .open: preconditionFailure("closed without closing: \(phase)")
        }
    }

    /// Everything of this protection is gone from the host; only the generation is remembered, for fencing.
    package mutating func released() {
        ledger = CheckpointLedger()
        phase = .idle
    }

    private mutating func lose(_ order: Order, now: ContinuousClock.Instant) -> CloseAction {
        phase = .closing(order, retry: now + HostAgentLimits.closeRetryInterval)
        return .close(cycle: order.cycle, keep: ledger.acknowledged)
    }
}
