import BlockDevice
import Logging
import MessageBus
import Messages
import ServiceRuntime

/// Carries one attempt through: connects both sides, moves the data, reports every second, and tells how it ended.
struct JobRunner: Sendable {
    let job: AssignedJob
    let board: JobBoard
    let bus: MessageBus
    let connector: any BlockReaderConnector
    let threads: JobThreads
    let processor: ProcessorTime
    let stop: StopSignal
    let stopGrace: Duration
    let logger: Logger

    private enum Event: Sendable {
        case moved(digest: [UInt8])
        case failed(JobFault)
        case abandoned(reason: String)
    }

    private let clock = ContinuousClock()

    init(
        job: AssignedJob, board: JobBoard, bus: MessageBus, connector: any BlockReaderConnector,
        threads: JobThreads, processor: ProcessorTime, stop: StopSignal, stopGrace: Duration,
        logger: Logger
    ) {
        self.job = job
        self.board = board
        self.bus = bus
        self.connector = connector
        self.threads = threads
        self.processor = processor
        self.stop = stop
        self.stopGrace = stopGrace
        var logger = logger
        logger[metadataKey: "job"] = "\(job.key.job)"
        logger[metadataKey: "attempt"] = "\(job.attempt)"
        logger[metadataKey: "protection"] = "\(job.protection)"
        logger[metadataKey: "cycle"] = "\(job.cycle)"
        self.logger = logger
    }

    func run() async -> JobStateMachine.Outcome {
        let progress = JobProgress(bytesPerSecond: job.bandwidthBytesPerSecond, now: clock.now)
        var machine = JobStateMachine()
        let begun = clock.now
        let outcome = await withTaskGroup(of: Event?.self) { group in
            group.addTask(executorPreference: threads) { await transfer(progress) }
            group.addTask { await renewLease(progress, granted: begun) }
            group.addTask { await graceEnded() }
            var outcome: JobStateMachine.Outcome?
            while outcome == nil, let event = await group.next() {
                guard let event else { continue }
                outcome = decide(event, &machine, progress.totals)
            }
            // Leaving the group cancels what still runs and waits for it, so both sides are closed afterwards.
            group.cancelAll()
            return outcome
        }
        guard let outcome else {
            // Only a cancelled worker gets here: every part ended without an event.
            return .abandoned(reason: "the worker was ended")
        }
        await tell(outcome)
        machine.reported()
        let elapsed = begun.duration(to: clock.now)
        logger.info(
            "job ended",
            metadata: [
                "outcome": "\(outcome)", "seconds": "\(elapsed / .seconds(1))",
                "changedBytes": "\(progress.totals.changedBytes)", "sentBytes": "\(progress.totals.sentBytes)",
            ])
        return outcome
    }

    /// Nil while the attempt goes on.
    private func decide(
        _ event: Event, _ machine: inout JobStateMachine, _ totals: JobStateMachine.Totals
    ) -> JobStateMachine.Outcome? {
        let action: JobStateMachine.Action
        switch event {
        case .moved(let digest): action = machine.stored(digest: digest, totals: totals)
        case .failed(let fault): action = machine.failed(fault)
        case .abandoned(let reason): action = machine.abandoned(reason: reason)
        }
        switch action {
        case .report(let outcome), .drop(let outcome): return outcome
        case .nothing: return nil
        }
    }

    // MARK: Parts that run side by side

    /// Returns nil when it was cancelled, which only happens after another part decided.
    private func transfer(_ progress: JobProgress) async -> Event? {
        do {
            return .moved(digest: try await connectAndMove(progress))
        } catch is CancellationError {
            return nil
        } catch let fault as JobFault {
            return .failed(fault)
        } catch let error as BlockDeviceError {
            return .failed(
                JobFault(
                    .sourceUnreadable, "Disk number \(job.diskIndex) of the capture can not be read: \(error.message)",
                    remedy: error.remedy, facts: ["cause": error.cause]))
        } catch let error as RemoteError {
            return .failed(JobFault(target: error))
        } catch {
            return .failed(JobFault(.internalFault, "The attempt failed: \(error)"))
        }
    }

    private func connectAndMove(_ progress: JobProgress) async throws -> [UInt8] {
        let contexts: [String]
        switch job.kind {
        case .full, .compare: contexts = []
        case .incremental(let context, _): contexts = [context]
        }
        let reader = try await connector.connect(uri: job.nbdURI, contexts: contexts)
        do {
            let channel = try await welcomedChannel()
            do {
                let digest = try await move(reader, channel, progress)
                await channel.close()
                await reader.close()
                return digest
            } catch {
                await channel.abandon()
                await channel.close()
                throw error
            }
        } catch {
            await reader.close()
            throw error
        }
    }

    /// Says hello until there is room for another transfer. A receiver that has none begins nothing, so that the same
    /// attempt comes again; each time on a channel of its own, because a refused one is of no more use.
    private func welcomedChannel() async throws -> BulkChannel {
        let begun = clock.now
        while true {
            let channel = try await bus.bulkChannel(to: job.bulkEndpoint)
            do {
                try await channel.open(
                    BulkHello(token: job.transferToken, job: job.identifierBytes, attempt: job.attempt))
                return channel
            } catch {
                await channel.abandon()
                await channel.close()
                guard let refusal = error as? RemoteError, refusal.code == .resourceExhausted, refusal.retryable else {
                    throw error
                }
                guard clock.now - begun < ReplicationWorkerLimits.helloPatience else {
                    throw JobFault(
                        .targetUnreachable, "The receiver has no room for the transfer: \(refusal.message)",
                        remedy: refusal.remedy, facts: refusal.facts)
                }
                logger.info("no room for the transfer yet", metadata: ["error": "\(refusal)"])
            }
            try await clock.sleep(for: ReplicationWorkerLimits.helloInterval)
        }
    }

    private func move(
        _ reader: any BlockReader, _ channel: BulkChannel, _ progress: JobProgress
    ) async throws -> [UInt8] {
        let mover = JobMover(job: job, reader: reader, channel: channel, progress: progress)
        let ours = try await mover.move()
        let theirs = try await channel.finish(digest: ours)
        guard ours == theirs else {
            throw JobFault(
                .corruptData, "The receiver stored something else than was sent.",
                facts: ["sent": hexadecimal(ours), "stored": hexadecimal(theirs)])
        }
        return ours
    }

    /// Reports until the job board says to abandon, or the lease cannot be renewed in its time.
    private func renewLease(_ progress: JobProgress, granted: ContinuousClock.Instant) async -> Event? {
        var lease = LeaseClock(duration: job.lease, granted: granted)
        do {
            while true {
                try await clock.sleep(for: ReplicationWorkerLimits.reportInterval)
                let sent = clock.now
                do {
                    switch try await board.report(job, progress.reported(now: sent)) {
                    case .goOn(let bandwidth):
                        lease.renew(sent: sent)
                        progress.limit(bytesPerSecond: bandwidth, now: clock.now)
                    case .abandon(let reason):
                        return .abandoned(reason: reason)
                    }
                } catch let error as RemoteError {
                    // The policy service may be starting again; the lease says how long that is worth waiting for.
                    logger.warning("lease not renewed", metadata: ["error": "\(error)"])
                    if lease.isOver(now: clock.now) {
                        return .abandoned(reason: "the lease could not be renewed: \(error.message)")
                    }
                }
            }
        } catch is CancellationError {
            return nil
        } catch {
            return .failed(JobFault(.internalFault, "The lease could not be renewed: \(error)"))
        }
    }

    /// A stopping worker lets the attempt finish if it is quick, and fails it then, so that another can begin at once.
    private func graceEnded() async -> Event? {
        await stop.wait()
        do {
            try await clock.sleep(for: stopGrace)
        } catch {
            // Sleeping fails only when it is cancelled: the attempt ended first.
            return nil
        }
        return .failed(JobFault(.stopping, "The worker was told to stop.", remedy: "Another worker takes the job."))
    }

    private func tell(_ outcome: JobStateMachine.Outcome) async {
        let deadline = stop.isGiven ? board.lastWord : ReplicationWorkerLimits.outcomeDeadline
        do {
            try await board.tell(outcome, of: job, cpuSeconds: processor.take(), deadline: deadline)
        } catch {
            // The lease runs out by itself, and the job goes to another.
            logger.warning("outcome not told", metadata: ["error": "\(error)"])
        }
    }
}
