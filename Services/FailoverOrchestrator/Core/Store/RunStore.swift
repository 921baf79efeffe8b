/// Where runs are kept. Every implementation passes `Tests/FailoverOrchestratorTests/Store/RunStoreTests.swift`.
protocol RunStore: Sendable {
    /// Every run, checked against ``RunRecord/checkInvariants()``; in no order.
    func load() async throws -> [RunRecord]

    /// All of the changes, in order, or none. When it returns, they survive a loss of power.
    func apply(_ changes: [StoreChange]) async throws

    /// Nothing may be asked afterwards.
    func close() async throws
}
