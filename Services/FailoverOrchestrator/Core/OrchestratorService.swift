import Foundation
package import Logging
import MessageBus
import Messages
import ServiceRuntime

/// Carries out runs: test, planned and unplanned failover, and what follows them.
///
/// ```
///   requests ─┐                                  ┌─► vault, policy service, agents
///   answers ──┼─► inbox ─► RunBook ─► RunStore ──┤
///   time ─────┘           (a value)  (synced)    └─► replies
/// ```
///
/// One loop: take what happened, let the book decide, make durable what it decided, and only then act.
package final class OrchestratorService: RunnableService {
    /// Where requests are answered, as bound.
    package let endpoint: String

    private let bus: MessageBus
    private let store: any RunStore
    private let desk: ReplyDesk
    private let peers: PeerClients
    private let events: AsyncStream<BookEvent>
    private let inbox: AsyncStream<BookEvent>.Continuation
    private let stopping = StopSignal()
    private let logger: Logger

    /// Opens the database, binds, and connects. Succeeds when every other service is away.
    package static func start(settings: OrchestratorSettings, logger: Logger) async throws -> OrchestratorService {
        try FileManager.default.createDirectory(
            atPath: settings.state, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let store = try DatabaseRunStore(path: settings.databasePath)
        return try await start(settings: settings, store: store, logger: logger)
    }

    static func start(
        settings: OrchestratorSettings, store: any RunStore, logger: Logger
    ) async throws -> OrchestratorService {
        let bus = MessageBus(name: "orchestrator/\(settings.name)", logger: logger)
        // It needs no limit of its own, because everything in it has one: requests those of the server, answers and
        // wake-ups one each per unfinished run.
        let (events, inbox) = AsyncStream.makeStream(of: BookEvent.self)
        let desk = ReplyDesk(inbox: inbox)
        do {
            let identity = ServiceIdentity(name: settings.name, version: BasculeVersion.current)
            let answering = RequestAnswering(desk: desk, identity: identity, startedAt: .now)
            let peers = PeerClients(
                bus: bus, vault: try await bus.client(to: settings.vault),
                policy: try await bus.client(to: settings.policy))
            let server = try await bus.serve(at: settings.listen) { try await answering.answer($0) }
            return OrchestratorService(
                endpoint: server.endpoint, bus: bus, store: store, desk: desk, peers: peers, events: events,
                inbox: inbox, logger: logger)
        } catch {
            await bus.shutdown()
            throw error
        }
    }

    private init(
        endpoint: String, bus: MessageBus, store: any RunStore, desk: ReplyDesk, peers: PeerClients,
        events: AsyncStream<BookEvent>, inbox: AsyncStream<BookEvent>.Continuation, logger: Logger
    ) {
        self.endpoint = endpoint
        self.bus = bus
        self.store = store
        self.desk = desk
        self.peers = peers
        self.events = events
        self.inbox = inbox
        self.logger = logger
    }

    /// Works until `stop` was called, the task is cancelled, or the database cannot be written. Runs that are not at
    /// their end then go on after the next start.
    package func run() async throws {
        logger.info("failover orchestrator started", metadata: ["endpoint": "\(endpoint)"])
        let outcome: Result<Void, any Error>
        do {
            try await work()
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        desk.close()
        await bus.shutdown()
        try await store.close()
        logger.info("failover orchestrator stopped")
        try outcome.get()
    }

    package func stop() {
        stopping.give()
        inbox.finish()
    }

    // MARK: The loop

    private func work() async throws {
        let clock = OrchestratorClock()
        var book = RunBook(stored: try await store.load())
        try await withThrowingDiscardingTaskGroup { calls in
            defer { calls.cancelAll() }
            try await carryOut(book.resume(now: clock.now), clock, in: &calls)
            for await event in events {
                if stopping.isGiven || Task.isCancelled { break }
                try await carryOut(book.handle(event, now: clock.now), clock, in: &calls)
            }
        }
    }

    private func carryOut(
        _ output: BookOutput, _ clock: OrchestratorClock, in calls: inout ThrowingDiscardingTaskGroup<any Error>
    ) async throws {
        try await store(output.changes)
        for action in output.actions {
            switch action {
            case .ask(let order):
                calls.addTask { await self.ask(order) }
            case .wake(let run, let time, let number):
                let instant = clock.instant(of: time)
                calls.addTask {
                    do {
                        try await Task.sleep(until: instant, tolerance: .milliseconds(1), clock: .continuous)
                        self.inbox.yield(.run(run, .timePassed(number)))
                    } catch {
                        // Cancelled: the service stops, and the run goes on after its next start.
                    }
                }
            case .readRegistry(let token, let request):
                calls.addTask {
                    self.inbox.yield(.registryRead(token, request, await self.peers.readRegistry()))
                }
            case .answer(let token, let answer):
                desk.answer(token, answer)
            }
        }
    }

    /// Nothing may be done that is not recorded, so while the store fails, everything waits, and who asks hears why; and when
    /// it goes on failing, the service stops rather than pretend.
    private func store(_ changes: [StoreChange]) async throws {
        guard !changes.isEmpty else { return }
        let deadline = ContinuousClock.now.advanced(by: .milliseconds(OrchestratorLimits.storeRetryMilliseconds))
        var isTold = false
        while true {
            do {
                try await store.apply(changes)
                if isTold { desk.refuse(with: nil) }
                return
            } catch {
                if !isTold {
                    logger.error("database not written", metadata: ["error": "\(error)"])
                    desk.refuse(with: OrchestratorError(thrown: error))
                    isTold = true
                }
                guard ContinuousClock.now < deadline, !stopping.isGiven else { throw error }
                await stopping.sleep(for: .milliseconds(OrchestratorLimits.storeRetryEveryMilliseconds))
            }
        }
    }

    private func ask(_ order: RunOrder) async {
        let result = await peers.ask(order)
        let facts: Logger.Metadata = ["run": "\(order.run)", "request": "\(order.call.name)"]
        switch result {
        case .success:
            logger.debug("answered", metadata: facts)
        case .failure(let error):
            logger.notice("refused or silent", metadata: facts.merging(["error": "\(error)"]) { first, _ in first })
        }
        inbox.yield(.run(order.run, .answered(order.number, result)))
    }
}
