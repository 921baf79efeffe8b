internal import Synchronization

/// The staging buffers of the whole process, so that many logs written at once do not multiply memory.
///
/// Every log may have one buffer whatever the others hold: because a log that waited for another's buffer could wait
/// for ever. Buffers beyond the first of each log are counted.
final class StagingBudget: Sendable {
    static let shared = StagingBudget(
        buffers: DeltaLogLimits.sharedStagingBuffers, kept: DeltaLogLimits.keptStagingBuffers)

    private struct State {
        var shared = 0
        var kept: [StagingBuffer] = []
    }

    private let buffers: Int
    private let keptBuffers: Int
    private let state = Mutex(State())

    init(buffers: Int, kept: Int) {
        self.buffers = buffers
        keptBuffers = kept
    }

    /// A log's first buffer.
    func takeFirst() -> StagingBuffer {
        state.withLock { $0.kept.popLast() } ?? StagingBuffer()
    }

    /// One more buffer, or `nil` when the process has as many as it may.
    func takeAnother() -> StagingBuffer? {
        let granted = state.withLock { state -> Bool in
            guard state.shared < buffers else { return false }
            state.shared += 1
            return true
        }
        return granted ? takeFirst() : nil
    }

    /// Ends the use of all buffers of one log: its first and `another` more.
    func giveBack(_ returned: [StagingBuffer]) {
        precondition(!returned.isEmpty)
        state.withLock { state in
            state.shared -= returned.count - 1
            precondition(state.shared >= 0, "more buffers came back than were taken")
            state.kept.append(contentsOf: returned.prefix(max(0, keptBuffers - state.kept.count)))
        }
    }
}
