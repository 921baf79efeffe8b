import DeltaLog
import FoundationEssentials
package import Messages
import Sealing

extension AssignedJob {
    /// Checks what the job board sent. Throws `RemoteError` INVALID_ARGUMENT, which is reported as the job's failure.
    package init(wire job: TransferJob) throws {
        let identifier = try RequiredField.uuid(job.job, "job")
        let context = job.bitmapContext
        let kind: Kind
        switch try RequiredField.choice(job.kind, "kind") {
        case .full: kind = .full
        case .incremental:
            kind = .incremental(
                bitmapContext: try RequiredField.text(context, "bitmap_context"), diverged: try diverged(of: job))
        case .compare: kind = .compare
        case .unspecified, .UNRECOGNIZED: preconditionFailure("a choice was made")
        }
        let compression: CompressionPreference
        switch try RequiredField.choice(job.compression, "compression") {
        case .none: compression = .none
        case .lz4: compression = .lz4
        case .zstd: compression = .zstd
        case .automatic: compression = .automatic
        case .unspecified, .UNRECOGNIZED: preconditionFailure("a choice was made")
        }
        guard job.attempt > 0 else { throw wrong("attempt", "has to be at least 1") }
        guard let diskIndex = UInt16(exactly: job.diskIndex), diskIndex < UInt16(DeltaLogLimits.disks) else {
            throw wrong("disk_index", "is too large")
        }
        let (end, overflow) = job.offset.addingReportingOverflow(job.length)
        guard job.length > 0, !overflow, end <= DeltaLogLimits.diskBytes else {
            throw wrong("length", "makes no range of a disk")
        }
        guard job.offset % UInt64(ReplicationWorkerLimits.compareBlockBytes) == 0 else {
            throw wrong("offset", "has to be a multiple of \(ReplicationWorkerLimits.compareBlockBytes)")
        }
        guard job.leaseMs > 0 else { throw wrong("lease_ms", "is missing") }
        self.init(
            key: SlotStateMachine.JobKey(job: job.job, attempt: job.attempt), identifier: identifier,
            protection: job.protection, cycle: job.cycle, kind: kind, diskIndex: diskIndex,
            nbdURI: try RequiredField.text(job.nbdUri, "nbd_uri"), range: job.offset..<end,
            bulkEndpoint: try RequiredField.text(job.bulkEndpoint, "bulk_endpoint"),
            transferToken: try RequiredField.bytes(job.transferToken, count: 16, "transfer_token"),
            cycleKey: try SealingKey(
                bytes: try RequiredField.bytes(job.cycleKey, count: SealingKey.byteCount, "cycle_key")),
            compression: compression, bandwidthBytesPerSecond: job.bandwidthBytesPerSecond,
            lease: .milliseconds(Int64(job.leaseMs)))
    }
}

/// Checked to lie within the job's range and to rise.
private func diverged(of job: TransferJob) throws -> [Range<UInt64>] {
    var position = job.offset
    return try job.diverged.map { part in
        let (end, overflows) = part.offset.addingReportingOverflow(part.length)
        guard !overflows, part.length > 0, part.offset >= position, end - job.offset <= job.length else {
            throw wrong("diverged", "makes no rising ranges within the job's")
        }
        position = end
        return part.offset..<end
    }
}

private func wrong(_ field: String, _ what: String) -> RemoteError {
    RemoteError(.invalidArgument, "\(field) \(what).", facts: ["field": field])
}

extension JobFault {
    /// What the policy service is told.
    var wire: WireError { remote.wire }

    private var remote: RemoteError {
        switch code {
        case .sourceUnreadable:
            RemoteError(.unavailable, message, remedy: remedy, facts: facts)
        case .targetUnreachable:
            RemoteError(.unavailable, message, remedy: remedy, facts: facts)
        case .targetRefused(let remoteCode, let retryable):
            RemoteError(remoteCode, message, remedy: remedy, retryable: retryable, facts: facts)
        case .corruptData:
            RemoteError(.corruptData, message, remedy: remedy, retryable: true, facts: facts)
        case .invalidJob:
            RemoteError(.invalidArgument, message, remedy: remedy, facts: facts)
        case .stopping:
            RemoteError(.unavailable, message, remedy: remedy, facts: facts)
        case .internalFault:
            RemoteError(.internal, message, remedy: remedy, retryable: true, facts: facts)
        }
    }

    /// What the receiver, or the way to it, answered.
    init(target error: RemoteError) {
        let code: Code
        switch error.code {
        case .unavailable, .deadlineExceeded: code = .targetUnreachable
        case .unspecified, .invalidArgument, .notFound, .alreadyExists, .conflict, .staleGeneration, .wrongParent,
            .failedPrecondition, .resourceExhausted, .unsupportedVersion, .unimplemented, .corruptData, .leaseLost,
            .internal, .UNRECOGNIZED:
            code = .targetRefused(error.code, retryable: error.retryable)
        }
        self.init(code, error.message, remedy: error.remedy, facts: error.facts)
    }
}
