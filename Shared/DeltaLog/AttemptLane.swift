internal import Sealing
internal import Synchronization

/// One attempt's way into the log. Each has its own lock, so that attempts check their seals side by side.
final class AttemptLane: Sendable {
    private enum State {
        case open(AttemptIntake)
        case finished(AttemptSummary, [DeltaLogExtent])
        case abandoned
    }

    private let attempt: UInt32
    private let state: Mutex<State>

    init(attempt: UInt32, disks: [DeltaLogDisk], key: SealingKey) throws {
        self.attempt = attempt
        state = Mutex(.open(try AttemptIntake(attempt: attempt, disks: disks, key: key)))
    }

    /// An attempt that is abandoned before it sent anything.
    init(abandoned attempt: UInt32) {
        self.attempt = attempt
        state = Mutex(.abandoned)
    }

    /// - Parameter store: takes the checked bytes and returns their position in the file.
    func take(_ record: UnsafeRawBufferPointer, store: (UnsafeRawBufferPointer) throws -> UInt64) throws {
        try state.withLock { state in
            switch state {
            case .open(let intake):
                let header = try intake.check(record)
                intake.count(record, header, at: try store(record))
            case .finished: throw wrongState("finished")
            case .abandoned: throw wrongState("abandoned")
            }
        }
    }

    func finish() throws -> AttemptSummary {
        try state.withLock { state in
            switch state {
            case .open(let intake):
                let summary = intake.summary
                state = .finished(summary, intake.extents)
                return summary
            case .finished(let summary, _): return summary
            case .abandoned: throw wrongState("abandoned")
            }
        }
    }

    func abandon() {
        state.withLock { $0 = .abandoned }
    }

    /// The extents of a finished attempt, which stay its own.
    func finishedExtents() throws -> [DeltaLogExtent] {
        try state.withLock { state in
            switch state {
            case .open: throw wrongState("open")
            case .finished(_, let extents): return extents
            case .abandoned: throw wrongState("abandoned")
            }
        }
    }

    /// Hands the extents of a finished attempt over, so that they are not held twice. Afterwards it counts as committed
    /// and has none.
    func handOverExtents() throws -> [DeltaLogExtent] {
        try state.withLock { state in
            switch state {
            case .open: throw wrongState("open")
            case .finished(let summary, let extents):
                state = .finished(summary, [])
                return extents
            case .abandoned: throw wrongState("abandoned")
            }
        }
    }

    private func wrongState(_ found: String) -> DeltaLogError {
        DeltaLogError(
            .attemptState, "the attempt is \(found)", facts: ["attempt": "\(attempt)", "state": found])
    }
}
