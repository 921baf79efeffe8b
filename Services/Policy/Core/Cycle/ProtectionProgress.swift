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

    init(protection: ProtectionIdentifier) {
        self.protection = protection
        lastNumber = 0
        parent = 0
        need = .full(reason: "First replication")
        newest = nil
        lastApplicationAt = nil
        settledVersion = 0
    }

    func checkInvariants() throws {
        guard parent <= lastNumber else { throw Self.broken("parent \(parent) is above the last number \(lastNumber)") }
        guard parent > 0 || need.kind == .full else {
            throw Self.broken("\(need.kind) is needed but there is no parent")
        }
        if let newest, newest.cycle > lastNumber {
            throw Self.broken("the newest point \(newest.cycle) is above the last number \(lastNumber)")
        }
    }

    private static func broken(_ what: String) -> PolicyError {
        PolicyError(.internal, "The progress of a protection is wrong: \(what).")
    }
}
