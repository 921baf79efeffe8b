internal import Synchronization

/// Appends a stream of bytes to a new file: gathered in aligned buffers, written by a few threads past the page cache.
///
/// Threads and further buffers come with the second full buffer, so that a small log costs neither. Appending waits
/// while all buffers are being written. The first failure is told by every later call.
final class StagedFile: Sendable {
    private struct Stream {
        /// Where the next byte goes.
        var end: UInt64 = 0
        var current: StagingBuffer?
        /// Up to where space is reserved; `.max`: this file system reserves none.
        var reserved: UInt64 = 0
        var threads: [WriterThread] = []
        var isClosed = false
    }

    private let file: any StagingTarget
    private let budget: StagingBudget
    private let queue = Monitor(StagingQueue(), groups: 2)
    /// Threads that wait for a buffer to write.
    private static let writers = 0
    /// Whoever holds `stream` and waits for a free buffer, or for all of them: one at most.
    private static let filler = 1
    /// Held for a whole append, so that the bytes of one record lie together.
    private let stream = Mutex(Stream())

    init(file: any StagingTarget, budget: StagingBudget = .shared) {
        self.file = file
        self.budget = budget
        // Where it is refused, buffered writes do the same, slower.
        _ = file.useDirectWrites()
    }

    /// Bytes taken so far.
    var byteCount: UInt64 { stream.withLock { $0.end } }
    /// An append waits, because all buffers are being written.
    var isAppendWaiting: Bool { queue.update(waking: .noOne) { $0.isAwaited } }

    /// Takes the bytes over and returns where in the file they begin.
    func append(_ bytes: UnsafeRawBufferPointer) throws -> UInt64 {
        try stream.withLock { stream in
            try requireOpen(stream)
            return try append(bytes, to: &stream)
        }
    }

    /// Ends the stream: `body` appends the last bytes and gives the block that makes the file complete. Everything
    /// before that block is on stable storage before the block is written, and the block when this returns.
    func complete(_ body: ((UnsafeRawBufferPointer) throws -> UInt64) throws -> [UInt8]) throws {
        try stream.withLock { stream in
            try requireOpen(stream)
            let lastBlock = try body { try append($0, to: &stream) }
            precondition(lastBlock.count == DeltaLogLimits.blockBytes)
            try drain(&stream)
            try file.truncate(to: stream.end + UInt64(lastBlock.count))
            try file.synchronize()
            let block = try currentBuffer(&stream)
            _ = lastBlock.withUnsafeBytes { block.append($0) }
            try file.write(block.contents, at: block.position)
            try file.synchronize()
            close(&stream)
        }
    }

    /// Ends the stream wherever it is. Appends that wait are woken and throw. Safe to repeat.
    func discard() {
        queue.update { $0.fail(Self.closed) }
        stream.withLock { close(&$0) }
    }

    // MARK: Filling

    private static let closed = DeltaLogError(.closed, "the delta log was committed or aborted")

    private func requireOpen(_ stream: Stream) throws {
        if stream.isClosed { throw Self.closed }
    }

    private func append(_ bytes: UnsafeRawBufferPointer, to stream: inout Stream) throws -> UInt64 {
        let start = stream.end
        var rest = bytes
        while !rest.isEmpty {
            let buffer = try currentBuffer(&stream)
            let taken = buffer.append(rest)
            rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
            stream.end += UInt64(taken)
            if buffer.isFull {
                stream.current = nil
                submit(buffer, &stream)
            }
        }
        return start
    }

    private func currentBuffer(_ stream: inout Stream) throws -> StagingBuffer {
        if let current = stream.current { return current }
        let buffer = try takeBuffer()
        buffer.begin(at: stream.end)
        stream.current = buffer
        return buffer
    }

    private func takeBuffer() throws -> StagingBuffer {
        try queue.waitFor(in: Self.filler, waking: .noOne) { queue in
            switch try queue.requestBuffer() {
            case .buffer(let buffer): return buffer
            case .wait: return nil
            case .another:
                guard let buffer = queue.owned.isEmpty ? budget.takeFirst() : budget.takeAnother() else { return nil }
                queue.adopt(buffer)
                return buffer
            }
        }
    }

    // MARK: Writing

    private func submit(_ buffer: StagingBuffer, _ stream: inout Stream) {
        reserve(beyond: buffer, &stream)
        guard queue.update(waking: .oneOf(group: Self.writers), { $0.submit(buffer) }) else { return }
        if let thread = WriterThread({ [self] in while writeNext() {} }) {
            stream.threads.append(thread)
        } else {
            queue.update(waking: .noOne) { $0.threadMissing() }
            // Without any thread of its own the log is written by whoever fills it.
            if stream.threads.isEmpty { _ = writeNext() }
        }
    }

    /// Writes that lengthen a file wait for each other, so it is lengthened ahead of them, in growing steps.
    private func reserve(beyond buffer: StagingBuffer, _ stream: inout Stream) {
        guard stream.end > stream.reserved, buffer.position > 0 else { return }
        let step = min(max(stream.end, DeltaLogLimits.firstReservationBytes), DeltaLogLimits.reservationBytes)
        let end = stream.end + step
        stream.reserved = file.reserve(upTo: end, from: buffer.position) ? end : .max
    }

    /// One step of a thread. False: there will be no more.
    private func writeNext() -> Bool {
        switch queue.waitFor(in: Self.writers, waking: .noOne, { $0.next() }) {
        case .stop: return false
        case .write(let buffer):
            let failure = write(buffer)
            queue.update(waking: .oneOf(group: Self.filler)) { $0.written(buffer, failure: failure) }
            return true
        }
    }

    private func write(_ buffer: StagingBuffer) -> DeltaLogError? {
        do {
            try file.write(buffer.contents, at: buffer.position)
            return nil
        } catch let error as DeltaLogError {
            return error
        } catch {
            return DeltaLogError(.inputOutput, "could not write the delta log", cause: error)
        }
    }

    // MARK: Ending

    /// Fills the last block with zeros and waits until every byte is with the file.
    private func drain(_ stream: inout Stream) throws {
        if let last = stream.current {
            stream.current = nil
            last.pad()
            stream.end = last.position + UInt64(last.contents.count)
            // Written here, because waking a thread for it would cost more than the write of a small log.
            let failure = write(last)
            queue.update(waking: .noOne) { $0.returned(last, failure: failure) }
        }
        try queue.waitFor(in: Self.filler, waking: .noOne) { queue in
            if let failure = queue.failure { throw failure }
            return queue.isDrained ? () : nil
        }
    }

    private func close(_ stream: inout Stream) {
        guard !stream.isClosed else { return }
        stream.isClosed = true
        stream.current = nil
        queue.update { $0.close() }
        for thread in stream.threads { thread.join() }
        stream.threads = []
        let buffers = queue.update(waking: .noOne) { $0.takeOwned() }
        if !buffers.isEmpty { budget.giveBack(buffers) }
    }
}
