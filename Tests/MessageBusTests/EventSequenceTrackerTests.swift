import MessageBus
import Testing

@Suite struct EventSequenceTrackerTests {
    private let epoch = [UInt8](repeating: 1, count: 16)

    private func at(_ number: UInt64, epoch: [UInt8]? = nil) -> EventPosition {
        EventPosition(epoch: epoch ?? self.epoch, number: number)
    }

    @Test func beforeTheFirstSnapshotOneIsNeeded() {
        var tracker = EventSequenceTracker()
        #expect(tracker.received(at(1), carriesChange: true) == .snapshotNeeded(.first))
    }

    /// Every distance from the position, with and without a change.
    @Test(arguments: [UInt64(8), 9, 10, 11, 12], [true, false])
    func numbersAroundThePosition(number: UInt64, carriesChange: Bool) {
        var tracker = EventSequenceTracker()
        tracker.snapshotTaken(at: at(10))
        let verdict = tracker.received(at(number), carriesChange: carriesChange)
        switch (number, carriesChange) {
        case (...10, _): #expect(verdict == .old)
        case (11, true): #expect(verdict == .apply)
        default: #expect(verdict == .snapshotNeeded(.gap(expected: 11, got: number)))
        }
        #expect(tracker.position?.number == (verdict == .apply ? 11 : 10))
    }

    @Test func anotherEpochNeedsASnapshotWhateverItsNumber() {
        var tracker = EventSequenceTracker()
        tracker.snapshotTaken(at: at(10))
        let other = [UInt8](repeating: 2, count: 16)
        #expect(tracker.received(at(11, epoch: other), carriesChange: true) == .snapshotNeeded(.otherEpoch))
        tracker.snapshotTaken(at: at(3, epoch: other))
        #expect(tracker.received(at(4, epoch: other), carriesChange: true) == .apply)
        #expect(tracker.snapshots == 2)
    }
}
