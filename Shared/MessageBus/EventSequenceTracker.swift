/// Decides what to do with each numbered event: a value, driven by `EventFollower` or by a service itself.
///
/// Invariant: every event up to `position` is contained in the last snapshot or was applied after it, in order.
package struct EventSequenceTracker: Equatable, Sendable {
    package enum Verdict: Equatable, Sendable {
        /// The next in order: apply it.
        case apply
        /// Already contained: ignore it. Normal after a snapshot, and for a heartbeat that repeats the newest number.
        case old
        /// Something is missing, or the epoch is another: take a snapshot, then continue.
        case snapshotNeeded(SnapshotReason)
    }

    package enum SnapshotReason: Equatable, Sendable {
        case first
        case gap(expected: UInt64, got: UInt64)
        case otherEpoch
    }

    /// Nil until the first snapshot.
    package private(set) var position: EventPosition?
    package private(set) var snapshots: UInt64 = 0

    package init() {}

    /// A snapshot was taken; it contains every event up to its position. One older than what is already applied, of
    /// the same epoch, cannot be told from a database that was put back, so it is believed.
    package mutating func snapshotTaken(at position: EventPosition) {
        self.position = position
        snapshots += 1
    }

    /// `carriesChange` is false for a heartbeat that only repeats the newest number.
    package mutating func received(_ event: EventPosition, carriesChange: Bool) -> Verdict {
        guard let position else { return .snapshotNeeded(.first) }
        guard position.epoch == event.epoch else { return .snapshotNeeded(.otherEpoch) }
        if event.number <= position.number { return .old }
        guard carriesChange, event.number == position.number + 1 else {
            return .snapshotNeeded(.gap(expected: position.number + 1, got: event.number))
        }
        self.position?.number = event.number
        return .apply
    }
}
