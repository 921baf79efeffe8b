import DeltaLog
import MessageBus
import Sealing
import Synchronization

/// Packs, seals and sends the records of one attempt, in order. Used by one task.
final class RecordStream {
    private let job: AssignedJob
    private let channel: BulkChannel
    private let progress: JobProgress
    private let clock = ContinuousClock()
    private var sealer: RecordSealer

    init(job: AssignedJob, channel: BulkChannel, progress: JobProgress) throws {
        self.job = job
        self.channel = channel
        self.progress = progress
        sealer = try RecordSealer(key: job.cycleKey, attempt: job.attempt, preference: job.compression)
    }

    var digest: [UInt8] { sealer.digest() }

    /// At most `ReplicationWorkerLimits.chunkBytes`, which is what one record holds.
    func send(data: UnsafeRawBufferPointer, at offset: UInt64) async throws {
        let record = try sealer.sealData(disk: job.diskIndex, offset: offset, bytes: RawSpan(_unsafeBytes: data))
        try await send(record, changed: UInt64(data.count))
    }

    func send(zeros range: Range<UInt64>) async throws {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let length = min(ReplicationWorkerLimits.zeroRecordBytes, range.upperBound - offset)
            try await send(try sealer.zero(disk: job.diskIndex, offset: offset, length: length), changed: length)
            offset += length
        }
    }

    private func send(_ record: [UInt8], changed: UInt64) async throws {
        var wait = progress.take(record.count, now: clock.now)
        while wait > .zero {
            // In pieces, because a limit that is raised holds for the record that waits, too.
            try await clock.sleep(for: min(wait, ReplicationWorkerLimits.limitInterval))
            wait = progress.wait(now: clock.now)
        }
        try await channel.send(record)
        progress.sent(bytes: UInt64(record.count), changed: changed)
    }
}
