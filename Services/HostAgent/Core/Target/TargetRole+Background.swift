import BlockDevice
import FoundationEssentials
import Logging
import Replica
import ServiceRuntime

/// Retention, with settlings that were cut off, and scrubs: one of each at a time, apart from each other, because a scrub
/// takes hours and retention must not wait for it.
extension TargetRole {
    /// Works until the signal is given.
    nonisolated func runBackground(until stop: StopSignal) async {
        let threads = BlockingThreads(name: "background", threads: HostAgentLimits.backgroundThreads)
        await withDiscardingTaskGroup { group in
            group.addTask { await self.retainWhenDue(threads, stop) }
            group.addTask { await self.scrubWhenDue(threads, stop) }
            await stop.wait()
            background.wake()
        }

    }

    /// A settling that was cut off, and whose guest is gone, is asked for by nobody: a failback that was taken back, or a
    /// failover that was cancelled. Until it is finished no cycle is taken.
    func takeUpSettling(of replica: Replica, _ protection: String) {
        if replica.unfinishedSettling != nil { background.retain(protection) }
    }

    package func scrub(_ protection: String, restart: Bool) async throws -> ScrubProgressReport {
        _ = try await lock.withLock(protection) { try await existing(protection) }
        return ScrubProgressReport(background.scrub(protection, restart: restart))
    }

    private func retainWhenDue(_ threads: BlockingThreads, _ stop: StopSignal) async {
        while !stop.isGiven {
            guard let protection = background.nextRetention() else {
                await background.retentionIsDue.wait()
                continue
            }
            guard let entry = entries[protection] else { continue }
            await finishSettling(of: entry.replica, protection, threads, stop)
            guard let retention = entry.retention else { continue }
            do {
                let now = Int64(Date().timeIntervalSince1970 * 1_000)
                let steps = try await threads.run {
                    try entry.replica.maintain(retention, nowUnixMilliseconds: now) { !stop.isGiven }
                }
                entries[protection]?.noRoom = nil
                if !steps.isEmpty {
                    logger.info(
                        "retention applied", metadata: ["protection": "\(protection)", "steps": "\(steps.count)"])
                }
            } catch {
                // Nothing is lost by it but space; the next commit tries again.
                let failure = error as? ReplicaError
                entries[protection]?.noRoom = failure?.code == .spaceExhausted ? failure : nil
                logger.warning(
                    "retention not applied", metadata: ["protection": "\(protection)", "error": "\(error)"])
            }
        }
    }

    private func finishSettling(
        of replica: Replica, _ protection: String, _ threads: BlockingThreads, _ stop: StopSignal
    ) async {
        guard let cycle = replica.unfinishedSettling else { return }
        do {
            try await threads.run {
                try replica.finishSettling { _ in guard !stop.isGiven else { throw CancellationError() } }
            }
            logger.notice("settling finished", metadata: ["protection": "\(protection)", "cycle": "\(cycle)"])
        } catch {
            // The next cycle that is refused for it, or the next start, tries again.
            logger.warning("settling not finished", metadata: ["protection": "\(protection)", "error": "\(error)"])
        }
    }

    private func scrubWhenDue(_ threads: BlockingThreads, _ stop: StopSignal) async {
        while !stop.isGiven {
            guard let protection = background.nextScrub() else {
                await background.scrubIsDue.wait()
                continue
            }
            guard let replica = entries[protection]?.replica else { continue }
            let background = background
            do {
                let report = try await threads.run {
                    try replica.scrub { report in
                        guard !stop.isGiven else { throw CancellationError() }
                        background.note(.running(report), of: protection)
                    }
                }
                background.note(.finished(report), of: protection)
                logger.notice(
                    "scrub finished", metadata: ["protection": "\(protection)", "faults": "\(report.faultCount)"])
            } catch {
                background.note(.failed("\(error)"), of: protection)
                logger.error("scrub failed", metadata: ["protection": "\(protection)", "error": "\(error)"])
            }
        }
    }
}

/// How far a scrub is.
package struct ScrubProgressReport: Sendable, Equatable {
    package var isFinished: Bool
    package var checkedBytes: UInt64 = 0
    package var totalBytes: UInt64 = 0
    package var faults: [String] = []
    package var faultCount: UInt64 = 0

    init(_ scrub: BackgroundWork.Scrub) {
        switch scrub {
        case .waiting:
            isFinished = false
        case .running(let report):
            isFinished = false
            take(report)
        case .finished(let report):
            isFinished = true
            take(report)
        case .failed(let reason):
            isFinished = true
            faults = ["The scrub could not be finished: \(reason)"]
            faultCount = 1
        }
    }

    private mutating func take(_ report: ScrubReport) {
        checkedBytes = report.checkedBytes
        totalBytes = report.totalBytes
        faults = Array(report.faults.prefix(HostAgentLimits.scrubFaultsReportedMaximum))
        faultCount = report.faultCount
    }
}
