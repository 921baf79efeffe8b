import BlockDevice
import MessageBus
import Sealing

/// Moves one attempt's range from the source disk to the target: read, drop zeros, pack, seal, send.
///
/// It runs on the worker's own threads, because packing and sealing would hold a thread of the cooperative pool for
/// milliseconds at a time. Reading goes on in the meantime: the reader has its own threads and a bounded number of
/// requests under way, and it stops asking while a record waits for credit.
struct JobMover {
    let job: AssignedJob
    let reader: any BlockReader
    let channel: BulkChannel
    let progress: JobProgress

    private var options: ReadOptions {
        ReadOptions(
            chunkBytes: ReplicationWorkerLimits.chunkBytes, requestsInFlight: ReplicationWorkerLimits.readsInFlight,
            bytesInFlight: ReplicationWorkerLimits.readBytesInFlight)
    }

    /// Returns the digest over everything that was sent.
    func move() async throws -> [UInt8] {
        guard job.range.upperBound <= reader.sizeBytes else {
            throw JobFault(
                .invalidJob, "The job reaches beyond the end of the disk.",
                facts: ["end": "\(job.range.upperBound)", "disk": "\(reader.sizeBytes)"])
        }
        let stream = try RecordStream(job: job, channel: channel, progress: progress)
        switch job.kind {
        case .full: try await copy(job.range, to: stream, bitmapContext: nil, sendsZeros: false)
        case .incremental(let context, let diverged):
            var position = job.range.lowerBound
            for part in diverged {
                try await copy(position..<part.lowerBound, to: stream, bitmapContext: context, sendsZeros: true)
                // Without the bitmap everything is told, data and zeros.
                try await copy(part, to: stream, bitmapContext: nil, sendsZeros: true)
                position = part.upperBound
            }
            try await copy(
                position..<job.range.upperBound, to: stream, bitmapContext: context, sendsZeros: true)
        case .compare: try await compare(to: stream)
        }
        return stream.digest
    }

    // MARK: Full and incremental

    private func copy(
        _ range: Range<UInt64>, to stream: RecordStream, bitmapContext: String?, sendsZeros: Bool
    ) async throws {
        var position = range.lowerBound
        while position < range.upperBound {
            try Task.checkCancellation()
            let page = try await reader.changedExtents(in: position..<range.upperBound, bitmapContext: bitmapContext)
            precondition(page.end > position, "a page of extents moves on")
            try await read(page.extents.filter { $0.kind == .data }.map(\.range)) { offset, run, bytes in
                if !run.isZero {
                    try await stream.send(data: bytes, at: offset)
                } else if sendsZeros {
                    try await stream.send(zeros: offset..<offset + UInt64(run.length))
                }
            }
            if sendsZeros {
                for extent in page.extents where extent.kind == .zero { try await stream.send(zeros: extent.range) }
            }
            progress.done(bytes: page.end - position)
            position = page.end
        }
    }

    /// Hands over what was read, cut into runs of data and runs of zeros.
    private func read(
        _ ranges: [Range<UInt64>],
        deliver: (_ offset: UInt64, _ run: ZeroRuns.Run, _ bytes: UnsafeRawBufferPointer) async throws -> Void
    ) async throws {
        guard !ranges.isEmpty else { return }
        try await reader.read(ranges, options: options) { offset, bytes in
            progress.read(bytes: UInt64(bytes.count))
            var rest = ZeroRuns(bytes, granularity: ReplicationWorkerLimits.zeroRunBytes)
            while let run = rest.next() {
                let piece = UnsafeRawBufferPointer(rebasing: bytes[run.offset..<run.offset + run.length])
                try await deliver(offset + UInt64(run.offset), run, piece)
            }
        }
    }

    // MARK: Compare

    /// Window by window: the target's hashes of the next window are on their way while this one is read.
    private func compare(to stream: RecordStream) async throws {
        var window = CompareWindow.first(of: job.range)
        var hashes = try await targetHashes(window)
        while true {
            try Task.checkCancellation()
            guard let following = window.next(in: job.range) else {
                try await compare(window, with: hashes, to: stream)
                return
            }
            async let prefetched = targetHashes(following)
            try await compare(window, with: hashes, to: stream)
            hashes = try await prefetched
            window = following
        }
    }

    private func targetHashes(_ window: CompareWindow) async throws -> [UInt8] {
        let request = BulkHashRequest(
            disk: job.diskIndex, offset: window.range.lowerBound,
            length: window.range.upperBound - window.range.lowerBound)
        let hashes = try await channel.hashes(request)
        guard hashes.count == request.blocks * BulkHashRequest.hashBytes else {
            throw JobFault(
                .corruptData, "The target answered another number of hashes than blocks were asked for.",
                facts: ["blocks": "\(request.blocks)", "bytes": "\(hashes.count)"])
        }
        return hashes
    }

    private func compare(_ window: CompareWindow, with hashes: [UInt8], to stream: RecordStream) async throws {
        var extents: [ChangedExtent] = []
        try await reader.forEachChangedExtent(in: window.range, bitmapContext: nil) { extents.append($0) }
        let plan = window.plan(extents, targetHashes: hashes)
        for zeros in plan.zeros { try await stream.send(zeros: zeros) }
        try await compare(plan.read, of: window, with: hashes, to: stream)
        progress.done(bytes: window.range.upperBound - window.range.lowerBound)
    }

    private func compare(
        _ ranges: [Range<UInt64>], of window: CompareWindow, with hashes: [UInt8], to stream: RecordStream
    ) async throws {
        guard !ranges.isEmpty else { return }
        try await reader.read(ranges, options: options) { offset, bytes in
            progress.read(bytes: UInt64(bytes.count))
            // A chunk begins on a block, because the planned ranges do and a chunk is a multiple of a block.
            for run in window.differing(bytes, at: offset, targetHashes: hashes) {
                if run.isZero {
                    try await stream.send(zeros: offset + UInt64(run.offset)..<offset + UInt64(run.offset + run.length))
                } else {
                    let piece = UnsafeRawBufferPointer(rebasing: bytes[run.offset..<run.offset + run.length])
                    try await stream.send(data: piece, at: offset + UInt64(run.offset))
                }
            }
        }
    }
}
