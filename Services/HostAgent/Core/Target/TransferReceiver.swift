import DeltaLog
import Logging
import MessageBus
import Messages
import Synchronization

/// Receives one attempt. Calls come one after another on the transfer's own thread.
final class TransferReceiver: BulkTransferHandler {
    private let cycle: ReceivedCycle
    private let attempt: UInt32
    private let target: TargetRole
    private let logger: Logger

    init(cycle: ReceivedCycle, attempt: UInt32, target: TargetRole, logger: Logger) {
        self.cycle = cycle
        self.attempt = attempt
        self.target = target
        self.logger = logger
    }

    func record(_ record: BulkRecord) async throws {
        do {
            try record.withUnsafeBytes { bytes in
                try cycle.writer.append(record: RawSpan(_unsafeBytes: bytes), attempt: attempt)
            }
            try cycle.stored(record.count)
        } catch {
            throw await refusal(error)
        }
    }

    func hashes(_ request: BulkHashRequest) async throws -> [UInt8] {
        do {
            return try cycle.hashes(disk: request.disk, range: request.offset..<request.offset + request.length)
        } catch {
            throw RemoteError(refusingTransfer: error)
        }
    }

    func finish(records: UInt64, digest: [UInt8]) async throws -> [UInt8] {
        do {
            let summary = try cycle.writer.finishAttempt(attempt)
            guard summary.records == records, summary.digest == digest else {
                throw HostAgentError(
                    .corruptData, "What was stored is not what was sent.",
                    remedy: "Fail the job; its next attempt starts afresh.",
                    facts: [
                        "sentRecords": "\(records)", "storedRecords": "\(summary.records)",
                        "sent": hexadecimal(digest), "stored": hexadecimal(summary.digest),
                    ])
            }
            try await target.finished(cycle, attempt: attempt, summary: summary)
            return summary.digest
        } catch {
            throw await refusal(error)
        }
    }

    func ended(_ reason: BulkTransferEnd) async {
        switch reason {
        case .finished: return
        case .abandoned, .vanished, .refused, .stopped: break
        }
        logger.notice(
            "transfer ended early",
            metadata: ["protection": "\(cycle.protection)", "attempt": "\(attempt)", "reason": "\(reason)"])
        await target.discard(cycle, attempt: attempt)
    }

    /// A file system that is full spoils the whole cycle: its log can not be completed, and what it takes is given back
    /// at once.
    private func refusal(_ error: any Error) async -> RemoteError {
        let answer = RemoteError(refusingTransfer: error)
        let isSpoiled =
            switch error {
            case let error as DeltaLogError: error.code.spoilsTheLog
            case let error as HostAgentError: error.code == .resourceExhausted
            default: false
            }
        if isSpoiled { await target.spoil(cycle, because: answer) }
        return answer
    }
}

extension DeltaLogError.Code {
    fileprivate var spoilsTheLog: Bool {
        switch self {
        case .noSpace, .inputOutput: true
        case .notADeltaLog, .unsupportedVersion, .incomplete, .corrupt, .wrongKey, .recordRefused, .attemptState,
            .overlap, .limitExceeded, .notConsecutive, .closed:
            false
        }
    }
}
