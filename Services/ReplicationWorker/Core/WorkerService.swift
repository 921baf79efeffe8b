package import BlockDevice
import FoundationEssentials
package import Logging
import MessageBus
import Messages
import ServiceRuntime

/// Pulls transfer jobs from the policy service, as many as it has free slots, and carries each through.
///
/// It decides nothing and keeps nothing: it may be started any number of times, anywhere that reaches source and
/// target, and killed at any moment. What it was doing is then done again by another, under a new attempt.
package final class WorkerService: RunnableService {
    /// Where it answers health requests, as bound.
    package let endpoint: String

    private let settings: WorkerSettings
    private let bus: MessageBus
    private let server: RequestServer
    private let board: JobBoard
    private let connector: any BlockReaderConnector
    private let slots: SlotBoard
    private let threads: JobThreads
    private let processor = ProcessorTime()
    private let giveBackMemory: @Sendable () -> Void
    private let stopping = StopSignal()
    private let logger: Logger

    /// Binds and connects. Succeeds when the policy service is away: the worker then waits for it.
    ///
    /// - Parameter giveBackMemory: gives the kernel what was freed; holds its thread for milliseconds.
    package static func start(
        settings: WorkerSettings, connector: any BlockReaderConnector, logger: Logger,
        giveBackMemory: @escaping @Sendable () -> Void = FreedMemory.giveBack
    ) async throws -> WorkerService {
        let bus = MessageBus(name: "worker/\(settings.name)", logger: logger)
        do {
            let slots = SlotBoard(slots: settings.slots)
            let health = WorkerHealth(name: settings.name, slotCount: settings.slots, slots: slots)
            let server = try await bus.serve(at: settings.listen) { try await health.answer($0) }
            let client = try await bus.client(to: settings.policy)
            return WorkerService(
                settings: settings, bus: bus, server: server, client: client, slots: slots, connector: connector,
                logger: logger, giveBackMemory: giveBackMemory)
        } catch {
            await bus.shutdown()
            throw error
        }
    }

    private init(
        settings: WorkerSettings, bus: MessageBus, server: RequestServer, client: RequestClient, slots: SlotBoard,
        connector: any BlockReaderConnector, logger: Logger, giveBackMemory: @escaping @Sendable () -> Void
    ) {
        self.settings = settings
        self.bus = bus
        self.server = server
        self.slots = slots
        self.connector = connector
        self.logger = logger
        self.giveBackMemory = giveBackMemory
        endpoint = server.endpoint
        var worker = WorkerDescription()
        worker.id = UUID().uuidString.lowercased()
        worker.name = settings.name
        worker.controlEndpoint = settings.advertised(bound: server.endpoint)
        worker.readsHosts = settings.readsHosts
        board = JobBoard(client: client, worker: worker, lastWord: settings.lastWord)
        threads = JobThreads(count: settings.slots)
    }

    /// Works until `stop` was called or the task is cancelled. When stopped, running jobs may finish within
    /// `ReplicationWorkerLimits.stopGrace`; when cancelled they are dropped.
    package func run() async {
        logger.info("worker started", metadata: ["endpoint": "\(endpoint)", "slots": "\(settings.slots)"])
        await withDiscardingTaskGroup { group in
            group.addTask {
                await self.stopping.wait()
                await self.slots.stop()
                await self.leave()
            }
            // Where jobs run, because it holds its thread for milliseconds.
            group.addTask(executorPreference: threads) { await self.keepSmall() }
            var pause = ReplicationWorkerLimits.pullRetryInterval
            while true {
                switch await slots.next {
                case .pull(let free):
                    do {
                        for job in try await pull(free) { await begin(job, in: &group) }
                        pause = ReplicationWorkerLimits.pullRetryInterval
                    } catch {
                        logger.warning("no answer from the job board", metadata: ["error": "\(error)"])
                        await stopping.sleep(for: pause)
                        if Task.isCancelled { await slots.stop() }
                        pause = min(pause * 2, ReplicationWorkerLimits.pullRetryIntervalMaximum)
                    }
                case .waitForSlot, .drain:
                    await slots.changed()
                case .stop:
                    return
                }
            }
        }
        await bus.shutdown()
        threads.end()
        logger.info("worker stopped")
    }

    package func stop() { stopping.give() }

    private func keepSmall() async {
        var upkeep = MemoryUpkeep()
        while !stopping.isGiven, !Task.isCancelled {
            await stopping.sleep(for: settings.memoryInterval)
            let begun = await slots.begun
            if upkeep.isDue(begun: begun, running: await slots.runningJobs) { giveBackMemory() }
        }
    }

    // MARK: Jobs

    /// Empty when there is no work, and when the worker is told to stop meanwhile. The board then answers at once, with
    /// jobs if it has just given some: those are given back, instead of being missed until their leases end.
    private func pull(_ free: Int) async throws -> [TransferJob] {
        try await withThrowingTaskGroup(of: [TransferJob].self) { race in
            race.addTask { try await self.board.pull(freeSlots: free) }
            race.addTask {
                await self.stopping.wait()
                try await Task.sleep(for: self.settings.lastWord)
                return []
            }
            defer { race.cancelAll() }
            guard let jobs = try await race.next() else { preconditionFailure("the race has two runners") }
            if Task.isCancelled { await slots.stop() }
            return jobs
        }
    }

    /// Best effort: a board that does not hear of it forgets the worker after a while.
    private func leave() async {
        guard !Task.isCancelled else { return }
        do {
            try await board.leave()
        } catch {
            logger.info("job board not told of the end", metadata: ["error": "\(error)"])
        }
    }

    private func begin(_ wire: TransferJob, in group: inout DiscardingTaskGroup) async {
        let key = SlotStateMachine.JobKey(job: wire.job, attempt: wire.attempt)
        switch await slots.pulled(key) {
        case .start:
            group.addTask {
                await self.carryOut(wire, key)
                await self.slots.ended(key)
            }
        case .ignore:
            break
        case .giveBack:
            await giveBack(key, JobFault(.stopping, "The worker has no free slot.", remedy: "Another takes the job."))
        }
    }

    private func carryOut(_ wire: TransferJob, _ key: SlotStateMachine.JobKey) async {
        let job: AssignedJob
        do {
            job = try AssignedJob(wire: wire)
        } catch {
            logger.error("job refused", metadata: ["job": "\(key.job)", "error": "\(error)"])
            await giveBack(key, JobFault(.invalidJob, "The job makes no sense: \(error)"))
            return
        }
        let runner = JobRunner(
            job: job, board: board, bus: bus, connector: connector, threads: threads, processor: processor,
            stop: stopping, stopGrace: settings.stopGrace, logger: logger)
        _ = await runner.run()
    }

    private func giveBack(_ key: SlotStateMachine.JobKey, _ fault: JobFault) async {
        do {
            try await board.fail(key, fault)
        } catch {
            // Its lease runs out by itself.
            logger.warning("job not given back", metadata: ["job": "\(key.job)", "error": "\(error)"])
        }
    }
}
