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
///          ├─ hold:       guests of sides that are not active
///          ├─ watch:      captures nobody keeps alive, views that end by themselves
///          ├─ follow:     what the hypervisor says happened
///          ├─ started:    views that guests run from, commits
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
    private let sides: SideRole
    private let started: StartedRole
    private let reporter: InventoryReporter
    private let hypervisorChanged: Bell
    private let stopping: StopSignal
    private let doctorThreads: BlockingThreads
    private let stateLock: StateLock
    private let reporting: Reporting
    private let logger: Logger

    /// Whether the vault is told of this host.
    package enum Reporting: Sendable {
        case regular
        /// Not a word: the process works for one command, and its endpoint goes with it.
        case silent
    }

    /// Whether another process is the agent of this state directory.
    package static func isAgentRunning(_ settings: HostAgentSettings) throws -> Bool {
        guard FileManager.default.fileExists(atPath: settings.state) else { return false }
        guard let lock = try StateLock.attempt(settings.state) else { return true }
        lock.release()
        return false
    }

    /// Opens the state, binds both endpoints and connects to the vault, which may be away.
    package static func start(
        settings: HostAgentSettings, hypervisor: any HypervisorDriver, logger: Logger,
        reporting: Reporting = .regular, steps: @escaping StartedStepHook = { _ in }
    ) async throws -> HostAgentService {
        let (store, stateLock) = try await BlockingThreads(name: "start", threads: 1).run {
            try prepareDirectories(settings)
            guard let lock = try StateLock.attempt(settings.state) else {
                throw HostAgentError(
                    .conflict, "Another agent works with this state directory.",
                    remedy: "Stop it, or give this one a state directory of its own.", facts: ["state": settings.state])
            }
            return (try AgentStore.open(settings), lock)
        }
        let host = try await store.hostIdentifier(fresh: UUID().uuidString.lowercased())
        let run = try await store.nextRun()
        let standing = try await HostStanding(store: store, logger: logger)
        let views = ViewSupervisor(
            store: store, directory: settings.viewsDirectory, plugin: settings.nbdkitPlugin, logger: logger)
        try await views.recover()
        let bus = MessageBus(name: "agent/\(settings.name)", logger: logger)
        do {
            return try await HostAgentService(
                settings: settings, hypervisor: hypervisor, logger: logger, store: store, host: host, run: run,
                standing: standing, views: views, bus: bus, stateLock: stateLock, reporting: reporting, steps: steps)
        } catch {
            await bus.shutdown()
            throw error
        }
    }

    /// QEMU's user passes through both, so they are made with that right, whatever the umask is.
    static func prepareDirectories(_ settings: HostAgentSettings) throws {
        try FileManager.default.createDirectory(
            atPath: settings.state, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o711])
        try ReplicaDirectories.prepare(settings.replicas)
    }

    private init(
        settings: HostAgentSettings, hypervisor: any HypervisorDriver, logger: Logger, store: AgentStore, host: String,
        run: UInt64, standing: HostStanding, views: ViewSupervisor, bus: MessageBus, stateLock: StateLock,
        reporting: Reporting, steps: @escaping StartedStepHook
    ) async throws {
        self.settings = settings
        self.hypervisor = hypervisor
        self.logger = logger
        self.views = views
        self.bus = bus
        self.stateLock = stateLock
        self.reporting = reporting
        hostIdentifier = host
        hypervisorChanged = Bell()
        stopping = StopSignal()
        doctorThreads = BlockingThreads(name: "doctor", threads: 1)
        let hook = settings.captureHook.isEmpty ? nil : CaptureHook(program: settings.captureHook)
        let sides = SideRole(store: store, hypervisor: hypervisor, logger: logger)
        try await sides.load()
        self.sides = sides
        source = SourceRole(store: store, hypervisor: hypervisor, sides: sides, hook: hook, logger: logger)
        target = TargetRole(
            store: store, replicas: settings.replicas, views: views, space: settings.space, logger: logger)
        await sides.connect { [target] in
            try await target.holdsAdopted($0)
        } passiveSeen: { [target] in
            await target.guestSeen($0)
        }
        let bulk = try await bus.bulkServer(
            at: settings.bulkListen, limits: HostAgentLimits.bulkServer,
            handler: BulkReception(target: target, logger: logger))
        await target.connect(bulk)
        bulkEndpoint = bulk.endpoint
        let vault = try await bus.client(to: settings.vault)
        let started = StartedRole(
            settings: settings, target: target, source: source, sides: sides,
            views: GuestViews(
                plugin: settings.nbdkitPlugin, ownedByEmulator: settings.capturesDirectory, logger: logger),
            hypervisor: hypervisor, store: store, logger: logger, reach: steps)
        self.started = started
        // Before the first request, because what was started decides how each is answered.
        await started.recover()
        let descriptions = SideDescriptions(sides: sides, target: target, started: started, hypervisor: hypervisor)
        let handler = AgentRequestHandler(
            settings: settings,
            bulkEndpoint: settings.bulkAdvertise.isEmpty ? bulk.endpoint : settings.bulkAdvertise,
            source: source, target: target, views: views, sides: sides,
            power: GuestPower(sides: sides, target: target, hypervisor: hypervisor, started: started),
            started: started,
            sideDescriptions: descriptions,
            doctor: Doctor(settings: settings, hypervisor: hypervisor, vault: vault, threads: doctorThreads),
            health: AgentHealth(
                name: settings.name, source: source, target: target, views: views, sides: sides,
                started: started, replicas: settings.replicas, standing: standing),
            standing: standing, logger: logger)
        let server = try await bus.serve(at: settings.listen) { try await handler.answer($0) }
        endpoint = server.endpoint
        reporter = InventoryReporter(
            host: host, run: run, standing: standing, settings: settings,
            controlEndpoint: settings.advertise.isEmpty ? server.endpoint : settings.advertise,
            hypervisor: hypervisor, vault: vault, sides: sides, sideReports: { try await descriptions.reports() },
            endActs: { [source, views] in
                await source.stop()
                await views.stop()
            }, changes: hypervisorChanged, stop: stopping, logger: logger)
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
            switch reporting {
            case .regular: group.addTask { await self.reporter.report() }
            case .silent: break
            }
            group.addTask { await self.source.watch(until: self.stopping) }
            group.addTask { await self.watchViews() }
            group.addTask { await self.sides.hold(until: self.stopping) }
            group.addTask { await self.started.runBackground(until: self.stopping) }
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
        stateLock.release()
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
                await sides.askForAll()
                await started.settleWhatIsOff()
                hypervisorChanged.ring()
                return
            } catch {
                logger.error("leftovers not cleared; trying again", metadata: ["error": "\(error)"])
                await stopping.sleep(for: HostAgentLimits.startRetryInterval)
            }
        }
    }

    private func watchViews() async {
        while !(await stopping.sleep(for: HostAgentLimits.watchdogInterval)) { await views.tick() }
    }

    private func followHypervisor() async {
        for await change in hypervisor.changes() {
            switch change.kind {
            case .captureLost(let protection, let cycle, let reason):
                await source.captureLost(protection: protection, cycle: cycle, reason: reason)
            case .defined, .undefined, .started, .paused, .resumed, .shutDown, .destroyed, .migrated, .crashed,
                .devicesChanged, .guestAgentChanged:
                await sides.guestChanged(change)
                await started.guestChanged(change)
                hypervisorChanged.ring()
            }
        }
    }
}
