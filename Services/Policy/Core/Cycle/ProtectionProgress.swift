/// What must outlive a restart about one protection, besides its open cycle.
///
/// Always: `lastNumber` is at least every number ever given to a cycle of this protection, so a number is never reused;
/// `parent` is the cycle that the target is known to hold, and it never exceeds `lastNumber`.
struct ProtectionProgress: Hashable, Sendable {
    /// The newest recovery point, as far as its age matters.
    struct NewestPoint: Hashable, Sendable {
        var cycle: UInt64
        /// By this service's clock, when its capture was asked for.
        var startedAt: PolicyTime
    }

    var protection: ProtectionIdentifier
    var lastNumber: UInt64
    var parent: UInt64
    var need: CycleNeed
    var newest: NewestPoint?
    /// When file systems were last frozen for a point that was committed.
    var lastApplicationAt: PolicyTime?
    /// The registry's version up to which wishes for a resync are settled.
    var settledVersion: UInt64
    /// The host that committed `parent`; empty: it is not known, or there is none. After source and target changed
    /// places it is not the target until the first cycle back is committed.
    var holder: String
    var asked: Asked
    /// A cycle that was given up while its commit was in doubt; 0: none. The target is asked what it holds before the next
    /// begins, because the source still has the checkpoints of both.
    var doubtful: UInt64

    /// A cycle that somebody asked for, which has to begin after it was asked for, and what it has to reach; nil: what the
    /// schedule says. It outlives a restart, because who asked was answered and waits.
    enum Asked: Hashable, Sendable {
        case no
        case waiting(Consistency?)
        /// This cycle is the one, unless it ends without a point.
        case underWay(cycle: UInt64, Consistency?)

        /// - Parameter cycle: 0, which no cycle has as its number: it has not begun.
        init(storedCycle cycle: UInt64?, _ consistency: Consistency?) {
            switch cycle {
            case nil: self = .no
            case 0: self = .waiting(consistency)
            case .some(let cycle): self = .underWay(cycle: cycle, consistency)
            }
        }

        var storedCycle: UInt64? {
            switch self {
            case .no: nil
            case .waiting: 0
            case .underWay(let cycle, _): cycle
            }
        }

        var consistency: Consistency? {
            switch self {
            case .no: nil
            case .waiting(let consistency), .underWay(_, let consistency): consistency
            }
        }

        var isNo: Bool { self == .no }

        func isUnderWay(in cycle: UInt64) -> Bool {
            switch self {
            case .no, .waiting: false
            case .underWay(let number, _): number == cycle
            }
        }

        /// One more, after what is open. Who asks for nothing special takes away nothing that was asked for before.
        mutating func ask(for consistency: Consistency?) { self = .waiting(consistency ?? self.consistency) }

        mutating func begin(cycle: UInt64) {
            if case .waiting(let consistency) = self { self = .underWay(cycle: cycle, consistency) }
        }
    }

    init(protection: ProtectionIdentifier) {
        self.protection = protection
        lastNumber = 0
        parent = 0
        need = .full(reason: "First replication")
        newest = nil
        lastApplicationAt = nil
        settledVersion = 0
        holder = ""
        asked = .no
        doubtful = 0
    }

    /// What a clock that was ahead has stored counts as now, because it would be believed until that time has come.
    mutating func bound(by now: PolicyTime) {
        if let newest { self.newest?.startedAt = min(newest.startedAt, now) }
        if let lastApplicationAt { self.lastApplicationAt = min(lastApplicationAt, now) }
    }

    func checkInvariants() throws {
        guard parent <= lastNumber else { throw Self.broken("parent \(parent) is above the last number \(lastNumber)") }
        guard parent > 0 || need.kind == .full else {
            throw Self.broken("\(need.kind) is needed but there is no parent")
        }
        if case .underWay(let cycle, _) = asked, cycle > lastNumber {
            throw Self.broken("cycle \(cycle), which was asked for, is above the last number \(lastNumber)")
        }
        guard doubtful <= lastNumber else {
            throw Self.broken("cycle \(doubtful), which is in doubt, is above the last number \(lastNumber)")
        }
        if let newest, newest.cycle > lastNumber {
            throw Self.broken("the newest point \(newest.cycle) is above the last number \(lastNumber)")
        }
    }

    private static func broken(_ what: String) -> PolicyError {
        PolicyError(.internal, "The progress of a protection is wrong: \(what).")
    }
}
