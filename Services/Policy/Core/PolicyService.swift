import Foundation
package import Logging
import MessageBus
import Messages
import ServiceRuntime

/// Decides when each protection is copied, cuts its cycles into jobs, and hands them to workers.
///
/// ```
///   requests ─┐                                         ┌─► agents, vault
///   answers ──┼─► EventInbox ─► PolicyEngine ─► store ──┤
///   registry ─┤     (a batch)     (a value)    (synced) └─► replies
///   time ─────┘
/// ```
///
/// One loop: take what happened, let the engine decide, make durable what it decided, and only then act.
package final class PolicyService: RunnableService {
    /// Where requests are answered, as bound.
    package let endpoint: String

    private let bus: MessageBus
    private let store: any PolicyStore
    private let inbox: EventInbox
    private let desk: ReplyDesk
    private let agents: AgentClients
    private let vault: VaultLink
    private let jobLimits: JobLimits
    private let stopping = StopSignal()
    private let logger: Logger

    /// Opens the database, binds, and connects. Succeeds when the vault is away.
    package static func start(settings: PolicyServiceSettings, logger: Logger) async throws -> PolicyService {
        try FileManager.default.createDirectory(
            atPath: settings.state, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let store = try DatabasePolicyStore(path: settings.databasePath)
        return try await start(settings: settings, store: store, logger: logger)
    }

    static func start(
        settings: PolicyServiceSettings, store: any PolicyStore, logger: Logger
    ) async throws -> PolicyService {
        let bus = MessageBus(name: "policy/\(settings.name)", logger: logger)
        let inbox = EventInbox()
        let desk = ReplyDesk(inbox: inbox)
        do {
            let identity = ServiceIdentity(name: settings.name, version: BasculeVersion.current)
            let answering = RequestAnswering(desk: desk, identity: identity, startedAt: .now)
            var limits = RequestServerLimits()
            // Every worker may have a pull waiting, and operators and reports need room beside them.
            limits.requestsInFlight = PolicyLimits.workersMaximum + 256
            let server = try await bus.serve(at: settings.listen, limits: limits) { try await answering.answer($0) }
            let link = VaultLink(
                client: try await bus.client(to: settings.vault),
                subscription: try await bus.subscribe(to: settings.vaultEvents), inbox: inbox, logger: logger)
            return PolicyService(
                endpoint: server.endpoint, bus: bus, store: store, inbox: inbox, desk: desk, vault: link,
                jobLimits: settings.jobLimits, logger: logger)
        } catch {
            await bus.shutdown()
            throw error
        }
    }

    private init(
        endpoint: String, bus: MessageBus, store: any PolicyStore, inbox: EventInbox, desk: ReplyDesk,
        vault: VaultLink, jobLimits: JobLimits, logger: Logger
    ) {
        self.endpoint = endpoint
        self.bus = bus
        self.store = store
        self.inbox = inbox
        self.desk = desk
        self.vault = vault
        self.jobLimits = jobLimits
        self.logger = logger
        agents = AgentClients(bus: bus)
    }

    /// Works until `stop` was called, the task is cancelled, or the database cannot be written. Cycles that are open
    /// then are settled after the next start.
    package func run() async throws {
        logger.info("policy service started", metadata: ["endpoint": "\(endpoint)"])
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
        logger.info("policy service stopped")
        try outcome.get()
    }

    package func stop() { stopping.give() }

    // MARK: The loop

    private func work() async throws {
        let clock = PolicyClock()
        var engine = PolicyEngine(
            stored: try await store.load(), seed: .random(in: .min ... .max), limits: jobLimits, now: clock.now)
        try await withThrowingTaskGroup(of: Void.self) { sides in
            sides.addTask { await self.vault.follow(until: self.stopping) }
            sides.addTask { await self.vault.watch(until: self.stopping) }
            sides.addTask {
                await self.stopping.wait()
                self.inbox.post(.timePassed)
            }
            defer {
                // Closed before the sides are awaited, because one of them may wait for its event to be handled.
                inbox.close()
                sides.cancelAll()
            }
            try await withThrowingDiscardingTaskGroup { calls in
                while !stopping.isGiven, !Task.isCancelled {
                    let output = engine.settle(now: clock.now)
                    try await store(output.changes)
                    for action in output.actions { perform(action, in: &calls) }
                    let wake = engine.wakesAt(after: clock.now).map { clock.instant(of: $0) }
                    let batch = await inbox.take(until: wake)
                    let now = clock.now
                    engine.board.shares.wallAhead = clock.wallAhead
                    for event in batch.events { engine.handle(event, now: now) }
                    batch.handled()
                }
                calls.cancelAll()
            }
        }
    }

    /// Nothing may be done that is not recorded, so while the store fails, everything waits, and who asks hears why; and when
    /// it goes on failing, the service stops rather than pretend.
    private func store(_ changes: [StoreChange]) async throws {
        guard !changes.isEmpty else { return }
        let deadline = ContinuousClock.now.advanced(by: .milliseconds(PolicyLimits.storeRetryMilliseconds))
        var isTold = false
        while true {
            do {
                try await store.apply(changes)
                if isTold { desk.refuse(with: nil) }
                return
            } catch {
                if !isTold {
                    logger.error("database not written", metadata: ["error": "\(error)"])
                    desk.refuse(with: PolicyError(thrown: error))
                    isTold = true
                }
                guard ContinuousClock.now < deadline, !stopping.isGiven else { throw error }
                await stopping.sleep(for: .milliseconds(PolicyLimits.storeRetryEveryMilliseconds))
            }
        }
    }

    private func perform(_ action: EngineAction, in calls: inout ThrowingDiscardingTaskGroup<any Error>) {
        switch action {
        case .callAgent(let order):
            calls.addTask {
                let result = await self.agents.ask(order)
                self.note(order, result)
                self.inbox.post(.agentAnswered(order.protection, order.number, result))
            }
        case .callVault(let call):
            calls.addTask { self.inbox.post(.vaultAnswered(call, await self.vault.ask(call))) }
        case .answer(let token, let answer):
            desk.answer(token, answer)
        case .answerHistory(let token, let protection, let limit):
            calls.addTask { self.desk.answer(token, await self.history(of: protection, limit: limit)) }
        }
    }

    private func history(of protection: ProtectionIdentifier, limit: Int) async -> ReplyDesk.Answer {
        do {
            return .success(.history(try await store.history(of: protection, limit: limit)))
        } catch {
            return .failure(PolicyError(thrown: error))
        }
    }

    private func note(_ order: AgentOrder, _ result: Result<AgentAnswer, PolicyError>) {
        switch result {
        case .success:
            logger.debug(
                "agent answered",
                metadata: ["protection": "\(order.protection)", "request": "\(order.call.name)"])
        case .failure(let error):
            logger.notice(
                "agent refused or silent",
                metadata: [
                    "protection": "\(order.protection)", "request": "\(order.call.name)",
                    "agent": "\(order.endpoint)", "error": "\(error)",
                ])
        }
    }
}
