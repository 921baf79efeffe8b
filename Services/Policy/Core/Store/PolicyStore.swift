/// Everything that the service needs to continue after a restart.
struct StoredState: Sendable {
    var policies: [String: PolicySettings] = [:]
    var registry = RegistryCopy()
    var epoch: [UInt8] = []
    /// Names of workers that get no job, and when they were last there, as far as that was stored.
    var drained: [String: PolicyTime] = [:]
    var progress: [ProtectionIdentifier: ProtectionProgress] = [:]
    var openCycles: [ProtectionIdentifier: CycleRecord] = [:]
    /// The last committed cycle of each protection.
    var lastReports: [ProtectionIdentifier: CycleReport] = [:]
}

/// What this service remembers. One implementation keeps it in SQLite, one in memory; one suite of tests holds for both.
protocol PolicyStore: Sendable {
    /// Reads everything but the history. Throws `PolicyError` when what is stored breaks an invariant.
    func load() async throws -> StoredState

    /// Makes all of these durable, in this order, together or not at all.
    func apply(_ changes: [StoreChange]) async throws

    /// The newest reports first, at most `limit`.
    func history(of protection: ProtectionIdentifier, limit: Int) async throws -> [CycleReport]

    func close() async throws
}
