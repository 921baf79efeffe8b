package import Messages

/// Keeps a copy of a publisher's state: takes a snapshot, applies the changes after it in order, and takes a new
/// snapshot whenever a number is missing or the publisher's database is another one.
package struct EventFollower: Sendable {
    package let subscription: EventSubscription

    package init(_ subscription: EventSubscription) { self.subscription = subscription }

    /// Runs until the subscription closes or the task is cancelled.
    ///
    /// - `snapshot` fetches and applies everything, and returns its position. When it throws, it is tried again after
    ///   the retry time, so a publisher that is away only delays.
    /// - `apply` gets each following event exactly once per snapshot; what it throws ends the run.
    package func run(
        snapshot: @Sendable () async throws -> EventPosition, apply: @Sendable (VaultEvent) async throws -> Void
    ) async throws {
        fatalError("not built yet")
    }
}
