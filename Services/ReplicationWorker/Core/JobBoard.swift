import FoundationEssentials
import MessageBus
import Messages

/// The policy service's job board as the worker sees it.
struct JobBoard: Sendable {
    /// What the board says about a lease that was reported on.
    enum Directive: Sendable, Equatable {
        case goOn(bandwidthBytesPerSecond: UInt64)
        case abandon(reason: String)
    }

    let client: RequestClient
    let worker: WorkerDescription
    /// As `WorkerSettings.lastWord`.
    let lastWord: Duration

    /// Waits for work; an empty list is an ordinary answer.
    func pull(freeSlots: Int) async throws -> [TransferJob] {
        var request = PullJobs()
        request.worker = worker
        request.freeSlots = UInt32(freeSlots)
        request.waitMs = ReplicationWorkerLimits.pullWaitMilliseconds
        let reply = try await client.policy(.pullJobs(request), deadline: ReplicationWorkerLimits.pullDeadline)
        guard case .jobs(let list) = reply else { throw unexpected(reply) }
        return list.jobs
    }

    /// Renews the lease.
    func report(_ job: AssignedJob, _ totals: JobStateMachine.Totals) async throws -> Directive {
        var report = ReportJob()
        report.workerID = worker.id
        report.job = job.key.job
        report.attempt = job.attempt
        report.readBytes = totals.readBytes
        report.sentBytes = totals.sentBytes
        report.doneBytes = totals.doneBytes
        do {
            let reply = try await client.policy(
                .reportJob(report), deadline: ReplicationWorkerLimits.reportDeadline, trace: trace(job))
            guard case .directive(let directive) = reply else { throw unexpected(reply) }
            return directive.abandon
                ? .abandon(reason: "the job board said so")
                : .goOn(bandwidthBytesPerSecond: directive.bandwidthBytesPerSecond)
        } catch let error as RemoteError where error.meansLeaseIsLost {
            return .abandon(reason: error.message)
        }
    }

    /// Tells how an attempt ended. A lease that was lost meanwhile is no error: the work is another's.
    func tell(
        _ outcome: JobStateMachine.Outcome, of job: AssignedJob, cpuSeconds: Double, deadline: Duration
    ) async throws {
        let request: PolicyRequest.OneOf_Request
        switch outcome {
        case .finished(let digest, let totals):
            var finish = FinishJob()
            finish.workerID = worker.id
            finish.job = job.key.job
            finish.attempt = job.attempt
            finish.digest = Data(digest)
            finish.changedBytes = totals.changedBytes
            finish.sentBytes = totals.sentBytes
            finish.records = totals.records
            finish.cpuSeconds = cpuSeconds
            request = .finishJob(finish)
        case .failed(let fault):
            request = .failJob(failure(job.key, fault))
        case .abandoned:
            return
        }
        do {
            _ = try await client.policy(request, deadline: deadline, trace: trace(job))
        } catch let error as RemoteError where error.meansLeaseIsLost {
            return
        }
    }

    /// Gives back a job that is not begun.
    func fail(_ key: SlotStateMachine.JobKey, _ fault: JobFault) async throws {
        do {
            _ = try await client.policy(
                .failJob(failure(key, fault)), deadline: lastWord)
        } catch let error as RemoteError where error.meansLeaseIsLost {
            return
        }
    }

    /// The worker stops: its pull is answered at once, so that no job is given to one that is not there any more.
    func leave() async throws {
        var request = LeaveBoard()
        request.workerID = worker.id
        _ = try await client.policy(.leaveBoard(request), deadline: lastWord)
    }

    private func failure(_ key: SlotStateMachine.JobKey, _ fault: JobFault) -> FailJob {
        var failure = FailJob()
        failure.workerID = worker.id
        failure.job = key.job
        failure.attempt = key.attempt
        failure.error = fault.wire
        failure.givenBack = fault.code == .stopping
        return failure
    }

    private func trace(_ job: AssignedJob) -> String { "\(job.protection)/\(job.cycle)/\(job.attempt)" }

    private func unexpected(_ reply: PolicyReply.OneOf_Reply) -> RemoteError {
        RemoteError(
            .internal, "The policy service answered something else than was asked.",
            remedy: "Use the same release on both sides.")
    }
}

extension RemoteError {
    /// The job or its lease is no more.
    fileprivate var meansLeaseIsLost: Bool { code == .leaseLost || code == .notFound }
}
