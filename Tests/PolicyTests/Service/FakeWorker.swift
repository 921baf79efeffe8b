import Eventually
import FoundationEssentials
import MessageBus
import Messages
import SwiftProtobuf

/// A scripted replication worker.
struct FakeWorker: Sendable {
    let client: RequestClient
    let id: String
    var slots: UInt32 = 2

    func pull(waitMilliseconds: UInt32 = 5_000) async throws -> [TransferJob] {
        let reply = try await client.policy(
            .pullJobs(
                .with {
                    $0.worker.id = id
                    $0.worker.name = id
                    $0.freeSlots = slots
                    $0.waitMs = waitMilliseconds
                }), deadline: .milliseconds(waitMilliseconds) + .seconds(60))
        guard case .jobs(let list) = reply else { throw NeverHappened(description: "another answer than jobs") }
        return list.jobs
    }

    /// Pulls until there is work.
    func pullJobs() async throws -> [TransferJob] {
        try await eventually("a job for \(id)") {
            let jobs = try await pull()
            return jobs.isEmpty ? nil : jobs
        }
    }

    func finish(_ job: TransferJob) async throws {
        _ = try await client.policy(
            .finishJob(
                .with {
                    $0.workerID = id
                    $0.job = job.job
                    $0.attempt = job.attempt
                    $0.digest = Data(repeating: 3, count: 32)
                    $0.changedBytes = job.changedBytes
                    $0.sentBytes = job.changedBytes / 2
                }), deadline: .seconds(60))
    }

    /// - Parameter bytes: what it says that it read, and sent, so far.
    @discardableResult
    func report(_ job: TransferJob, bytes: UInt64 = 0) async throws -> JobDirective {
        let reply = try await client.policy(
            .reportJob(
                .with {
                    $0.workerID = id
                    $0.job = job.job
                    $0.attempt = job.attempt
                    $0.readBytes = max(1, bytes)
                    $0.sentBytes = bytes
                }), deadline: .seconds(60))
        guard case .directive(let directive) = reply else { throw NeverHappened(description: "no directive") }
        return directive
    }

    /// Does all the work there is until it is cancelled.
    func work() async {
        while !Task.isCancelled {
            do {
                for job in try await pull() { try await finish(job) }
            } catch {
                // The service is away or the job is no longer wanted: ask again.
            }
        }
    }
}
