import BlockDevice
import FoundationEssentials
package import Hypervisor
package import Logging
import MessageBus
import Messages
import ServiceRuntime

/// One host's agent: captures of the guests that run here, and replicas of guests that run elsewhere.
///
/// ```
///   run() ─┬─ recover:    what an earlier run left behind is cleared, then requests are carried out
///          ├─ report:     inventory to the vault, every 5 s and on changes
///          ├─ watch:      captures nobody keeps alive, views that end by themselves
///          ├─ follow:     what the hypervisor says happened
///          └─ background: retention and scrubs
/// ```
///
/// It decides nothing about others: it does what a command of a current generation says, and refuses the rest.
package final class HostAgentService: RunnableService {
    /// Where it answers requests, as bound.
    package let endpoint: String
    /// Where transfers arrive, as bound.
    package let bulkEndpoint: String
    /// Made at the first start, and the same ever after.
    package let hostIdentifier: String

    private let settings: HostAgentSettings
    private let hypervisor: any HypervisorDriver
    private let bus: MessageBus
    private let source: SourceRole
    private let target: TargetRole
    private let views: ViewSupervisor
    private let reporter: InventoryReporter
    private let hypervisorChanged: Bell
    private let stopping: StopSignal
    private let doctorThreads: BlockingThreads
    private let logger: Logger

    /// Opens the state, binds both endpoints and connects to the vault, which may be away.
    package static func start(
        settings: HostAgentSettings, hypervisor: any HypervisorDriver, logger: Logger
    ) async throws -> HostAgentService {
        let store = try await BlockingThreads(name: "start", threads: 1).run {
            try FileManager.default.createDirectory(
                atPath: settings.state, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o711])
            try ReplicaDirectories.prepare(settings.replicas)
            return try AgentStore(path: settings.databasePath)
        }
        let host = try await store.hostIdentifier(fresh: UUID().uuidString.lowercased())
        let run = try await store.nextRun()
        let views = ViewSupervisor(
            store: store, directory: settings.viewsDirectory, plugin: settings.nbdkitPlugin, logger: logger)
        try await views.recover()
        let bus = MessageBus(name: "agent/\(settings.name)", logger: logger)
        do {
            return try await HostAgentService(
                settings: settings, hypervisor: hypervisor, logger: logger, store: store, host: host, run: run,
                views: views, bus: bus)
        } catch {
            await bus.shutdown()
            throw error
        }
    }

    private init(
        settings: HostAgentSettings, hypervisor: any HypervisorDriver, logger: Logger, store: AgentStore, host: String,
        run: UInt64, views: ViewSupervisor, bus: MessageBus
    ) async throws {
        self.settings = settings
        self.hypervisor = hypervisor
        self.logger = logger
        self.views = views
        self.bus = bus
        hostIdentifier = host
        hypervisorChanged = Bell()
        stopping = StopSignal()
        doctorThreads = BlockingThreads(name: "doctor", threads: 1)
        let hook = settings.captureHook.isEmpty ? nil : CaptureHook(program: settings.captureHook)
        source = SourceRole(store: store, hypervisor: hypervisor, hook: hook, logger: logger)
        target = TargetRole(
            store: store, replicas: settings.replicas, views: views, space: settings.space, logger: logger)
        var limits = BulkServerLimits()
        limits.windowBytes = HostAgentLimits.transferWindowBytes
        limits.windowBytesOfAllTransfers = HostAgentLimits.transferWindowBytesOfAll
        let bulk = try await bus.bulkServer(
            at: settings.bulkListen, limits: limits, handler: BulkReception(target: target, logger: logger))
        await target.connect(bulk)
        bulkEndpoint = bulk.endpoint
        let vault = try await bus.client(to: settings.vault)
        let handler = AgentRequestHandler(
            settings: settings,
            bulkEndpoint: settings.bulkAdvertise.isEmpty ? bulk.endpoint : settings.bulkAdvertise,
            source: source, target: target, views: views,
            doctor: Doctor(settings: settings, hypervisor: hypervisor, vault: vault, threads: doctorThreads),
            health: AgentHealth(
                name: settings.name, source: source, target: target, views: views, replicas: settings.replicas),
            logger: logger)
        let server = try await bus.serve(at: settings.listen) { try await handler.answer($0) }
        endpoint = server.endpoint
        reporter = InventoryReporter(
            host: host, run: run, settings: settings,
            controlEndpoint: settings.advertise.isEmpty ? server.endpoint : settings.advertise,
            hypervisor: hypervisor, vault: vault, changes: hypervisorChanged, stop: stopping, logger: logger)
    }

    /// Works until `stop` was called, then ends captures, views and open cycles in order. When the task is cancelled
    /// nothing is ended in order: what is left is cleared at the next start, as after a crash.
    package func run() async {
        logger.info(
            "agent started",
            metadata: ["host": "\(hostIdentifier)", "endpoint": "\(endpoint)", "bulk": "\(bulkEndpoint)"])
        await withDiscardingTaskGroup { group in
            group.addTask {
                await self.recover()
                await self.followHypervisor()
            }
            group.addTask { await self.reporter.report() }
            group.addTask { await self.watch() }
            group.addTask { await self.target.runBackground(until: self.stopping) }
            await stopping.wait()
            stopping.give()
            group.cancelAll()
        }
        if !Task.isCancelled {
            await source.stop()
            await views.stop()
        }
        await bus.shutdown()
        await target.stop()

        logger.info("agent stopped")
    }

    package func stop() { stopping.give() }

    // MARK: Parts

    /// The target side works at once; the source side when the hypervisor answers.
    private func recover() async {
        await target.recover()
        while !stopping.isGiven {
            do {
                try await source.recover()
                hypervisorChanged.ring()
                return
            } catch {
                logger.error("leftovers not cleared; trying again", metadata: ["error": "\(error)"])
                await stopping.sleep(for: HostAgentLimits.startRetryInterval)
            }
        }
    }

    private func watch() async {
        while !(await stopping.sleep(for: HostAgentLimits.watchdogInterval)) {
            await source.tick()
            await views.tick()
        }
    }

    private func followHypervisor() async {
        for await change in hypervisor.changes() {
            switch change.kind {
            case .captureLost(let protection, let cycle, let reason):
                await source.captureLost(protection: protection, cycle: cycle, reason: reason)
            case .defined, .undefined, .started, .paused, .resumed, .shutDown, .destroyed, .crashed, .devicesChanged,
                .guestAgentChanged:
                hypervisorChanged.ring()
            }
        }
    }
}
