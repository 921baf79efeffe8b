internal import Logging

/// Where numbered changes go after they were stored. Never blocks and never fails: what is lost shows as a gap.
protocol EventOutlet: Sendable {
    func publish(_ change: NumberedChange)
}

/// Hands changes to the task that publishes them, in order.
struct EventQueue: EventOutlet {
    let changes: AsyncStream<NumberedChange>
    private let continuation: AsyncStream<NumberedChange>.Continuation
    private let logger: Logger

    init(logger: Logger) {
        (changes, continuation) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingOldest(VaultLimits.maximumEventsWaiting))
        self.logger = logger
    }

    func publish(_ change: NumberedChange) {
        switch continuation.yield(change) {
        case .enqueued, .terminated: break
        case .dropped:
            // Subscribers see the gap in the numbers and take a snapshot.
            logger.warning(
                "An event was not published, because too many wait", metadata: ["number": "\(change.number ?? 0)"])
        @unknown default: break
        }
    }

    /// Ends the sequence when what waits was read.
    func finish() { continuation.finish() }
}
