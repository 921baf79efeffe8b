package import Logging
package import Messages

/// Keeps a copy of a publisher's state: takes a snapshot, applies the changes after it in order, and takes a new
/// snapshot whenever a number is missing or the publisher's database is another one.
package struct EventFollower: Sendable {
    package let subscription: EventSubscription
    private let logger: Logger
    private let retryInterval: Duration

    /// `retryInterval` passes after a failed snapshot; the publisher is then usually away for longer than that.
    package init(_ subscription: EventSubscription, logger: Logger, retryInterval: Duration = .seconds(1)) {
        self.subscription = subscription
        self.logger = logger
        self.retryInterval = retryInterval
    }

    /// Runs until the subscription closes or the task is cancelled.
    ///
    /// - `snapshot` fetches and applies everything, and returns its position. When it throws `RemoteError` it is tried
    ///   again after a while, so a publisher that is away only delays; any other error ends the run.
    /// - `apply` gets each following change exactly once per snapshot, in order; what it throws ends the run.
    package func run(
        snapshot: @Sendable () async throws -> EventPosition, apply: @Sendable (VaultEvent) async throws -> Void
    ) async throws {
        var tracker = EventSequenceTracker()
        tracker.snapshotTaken(at: try await take(snapshot))
        for await envelope in subscription {
            guard case .vaultEvent(let event) = envelope.body else { continue }
            switch tracker.received(EventPosition(event), carriesChange: event.change != nil) {
            case .old: break
            case .apply: try await apply(event)
            case .snapshotNeeded(let reason):
                logger.info("taking a snapshot", metadata: ["reason": "\(reason)", "from": "\(subscription.endpoint)"])
                tracker.snapshotTaken(at: try await take(snapshot))
            }
        }
    }

    private func take(_ snapshot: @Sendable () async throws -> EventPosition) async throws -> EventPosition {
        while true {
            do {
                return try await snapshot()
            } catch let error as RemoteError {
                logger.warning(
                    "no snapshot yet", metadata: ["from": "\(subscription.endpoint)", "error": "\(error)"])
                try await Task.sleep(for: retryInterval)
            }
        }
    }
}
