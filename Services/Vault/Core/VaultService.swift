internal import FoundationEssentials
package import Logging
internal import MessageBus
internal import Messages
internal import ServiceRuntime

/// The vault: answers requests, publishes changes, notices silence.
///
///     requests ─► VaultDoor ─► VaultKeeper ─► EventQueue ─► publisher
///                                  ▲
///                       every second: silence?
///
/// What it decides is in ``VaultStateMachine``; this only connects.
package final class VaultService: RunnableService {
    static let databaseName = "vault.sqlite"

    /// Where it is to be found, with the port numbers that were bound.
    package let endpoints: VaultEndpoints

    private let bus: MessageBus
    private let server: RequestServer
    private let publisher: EventPublisher
    private let store: any VaultStore
    private let keeper: VaultKeeper
    private let events: EventQueue
    private let stopping = StopSignal()
    private let logger: Logger

    /// Opens the database, then binds: who can reach the vault gets an answer.
    package static func start(settings: VaultSettings, logger: Logger) async throws -> VaultService {
        try await start(settings: settings, clock: SystemVaultClock(), logger: logger)
    }

    static func start(settings: VaultSettings, clock: any VaultClock, logger: Logger) async throws -> VaultService {
        try FileManager.default.createDirectory(
            atPath: settings.state, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let store = try SQLiteVaultStore(path: "\(settings.state)/\(databaseName)")
        let bus = MessageBus(name: "vault", logger: logger)
        do {
            let events = EventQueue(logger: logger)
            let keeper = try VaultKeeper(store: store, clock: clock, events: events, logger: logger)
            let publisher = try await bus.publisher(
                at: settings.publish,
                position: EventPosition(epoch: keeper.epoch, number: keeper.startEventNumber))
            let door = VaultDoor(keeper: keeper, startedAt: clock.now())
            let server = try await bus.serve(at: settings.listen) { request in
                try await door.answer(request, at: clock.now())
            }
            return VaultService(
                bus: bus, server: server, publisher: publisher, store: store, keeper: keeper, events: events,
                logger: logger)
        } catch {
            await bus.shutdown()
            try store.close()
            throw error
        }
    }

    private init(
        bus: MessageBus, server: RequestServer, publisher: EventPublisher, store: any VaultStore,
        keeper: VaultKeeper, events: EventQueue, logger: Logger
    ) {
        self.bus = bus
        self.server = server
        self.publisher = publisher
        self.store = store
        self.keeper = keeper
        self.events = events
        self.logger = logger
        endpoints = VaultEndpoints(listen: server.endpoint, publish: publisher.endpoint)
    }

    /// Works until `stop` was called or the task is cancelled, then ends in order: no more requests, the last events
    /// out, the database closed.
    package func run() async throws {
        logger.info(
            "The vault is open",
            metadata: [
                "listen": "\(endpoints.listen)", "publish": "\(endpoints.publish)",
                "event": "\(keeper.startEventNumber)",
            ])
        // Not a child task, because a cancelled one would lose the events of the last answers. It ends with the queue.
        let publishing = Task { await publish() }
        await watchSilence()
        await server.stop()
        events.finish()
        await publishing.value
        await bus.shutdown()
        try store.close()
        logger.info("The vault is closed")
    }

    /// Makes `run` return; may be called from anywhere, and more than once.
    package func stop() { stopping.give() }

    private func publish() async {
        for await change in events.changes {
            guard let event = change.wire(epoch: keeper.epoch) else { continue }
            await publisher.publish(.vaultEvent(event))
        }
    }

    private func watchSilence() async {
        while await !stopping.sleep(for: VaultLimits.silenceCheckInterval) {
            do {
                try await keeper.checkSilence()
            } catch {
                // The keeper remembers it, health says it, and the next round tries again.
                logger.error("Silence could not be stored", metadata: ["error": "\(error)"])
            }
        }
    }
}
