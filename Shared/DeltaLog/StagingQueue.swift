/// What happens to the staging buffers of one log: a value that decides; `StagedFile` acts.
///
/// Invariants: a buffer is free, waiting, being written, or with the filler; there are at most
/// `DeltaLogLimits.stagingBuffersPerLog`. Nothing is written after a failure, but buffers still come back.
struct StagingQueue {
    private(set) var free: [StagingBuffer] = []
    private var waiting: [StagingBuffer] = []
    /// Every buffer of the log, wherever it is.
    private(set) var owned: [StagingBuffer] = []
    private(set) var writing = 0
    private(set) var threads = 0
    private(set) var failure: DeltaLogError?
    private(set) var isClosing = false
    /// Whoever fills has asked for a buffer in vain, and waits.
    private(set) var isAwaited = false

    enum Request {
        case buffer(StagingBuffer)
        /// None free, and the log may own another if the process may.
        case another
        case wait
    }

    enum Work {
        case write(StagingBuffer)
        case stop
    }

    mutating func requestBuffer() throws -> Request {
        isAwaited = false
        if let failure { throw failure }
        if let buffer = free.popLast() { return .buffer(buffer) }
        if owned.count < DeltaLogLimits.stagingBuffersPerLog { return .another }
        isAwaited = true
        return .wait
    }

    mutating func adopt(_ buffer: StagingBuffer) { owned.append(buffer) }

    /// Queues a filled buffer. True: one more thread would help.
    mutating func submit(_ buffer: StagingBuffer) -> Bool {
        waiting.append(buffer)
        let wantsThread = waiting.count + writing > threads && threads < DeltaLogLimits.stagingBuffersPerLog
        if wantsThread { threads += 1 }
        return wantsThread
    }

    /// The thread that was wanted could not be had.
    mutating func threadMissing() { threads -= 1 }

    /// A thread's next step; `nil`: wait.
    mutating func next() -> Work? {
        if failure != nil {
            free.append(contentsOf: waiting)
            waiting.removeAll()
        }
        guard !waiting.isEmpty else { return isClosing ? .stop : nil }
        writing += 1
        return .write(waiting.removeFirst())
    }

    mutating func written(_ buffer: StagingBuffer, failure: DeltaLogError?) {
        writing -= 1
        returned(buffer, failure: failure)
    }

    /// A buffer that was never queued comes back.
    mutating func returned(_ buffer: StagingBuffer, failure: DeltaLogError?) {
        free.append(buffer)
        if let failure { fail(failure) }
    }

    /// The first failure is the one that is told.
    mutating func fail(_ error: DeltaLogError) {
        if failure == nil { failure = error }
    }

    /// All queued bytes are in the file.
    var isDrained: Bool { waiting.isEmpty && writing == 0 }

    mutating func close() { isClosing = true }

    /// Every buffer, once all threads have stopped.
    mutating func takeOwned() -> [StagingBuffer] {
        precondition(isClosing && writing == 0)
        defer {
            free = []
            owned = []
        }
        return owned
    }
}
