internal import Logging

/// Keeps the registry in memory and in the database in step: decide, store, apply, and only then answer and publish.
///
/// Everything happens one after the other, because numbers have no gaps and versions are compared and set. Nothing in
/// here suspends between deciding and applying.
actor VaultKeeper {
    /// Whether memory is known to be what the database holds, and whether that can be written.
    private enum Agreement {
        case sure
        /// A commit failed, so the database is read again before the next request.
        case doubtful(VaultError)
        /// It was read again, or nothing but the audit was to be written; but it could not be written since.
        case unwritten(VaultError)
    }

    private let executor = SerialQueueExecutor(label: "vault-keeper")
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let store: any VaultStore
    private let clock: any VaultClock
    private let events: any EventOutlet
    private let logger: Logger
    private var generator = SystemRandomNumberGenerator()
    private var machine: VaultStateMachine
    private var lastEventNumber: UInt64
    private var agreement = Agreement.sure
    nonisolated let epoch: [UInt8]
    nonisolated let startEventNumber: UInt64

    /// Reads the database, which blocks the caller: a service has nothing else to do before.
    init(
        store: any VaultStore, clock: any VaultClock, events: any EventOutlet, logger: Logger
    ) throws(VaultError) {
        let stored = try store.load()
        self.store = store
        self.clock = clock
        self.events = events
        self.logger = logger
        machine = VaultStateMachine(registry: stored.registry, at: clock.now())
        lastEventNumber = stored.lastEventNumber
        epoch = stored.epoch
        startEventNumber = stored.lastEventNumber
    }

    /// Does what is asked, at most once per operation.
    func handle(_ request: RegistryRequest, from origin: RequestOrigin) throws(VaultError) -> KeptAnswer {
        try agree()
        if request.kind == .command, let answer = try store.answer(to: origin.operation) { return .repeated(answer) }
        let moment = clock.now()
        let context = RequestContext(moment: moment, actor: origin.actor, generation: origin.generation)
        let decision: VaultDecision
        do {
            decision = try machine.decide(request, context: context, using: &generator)
        } catch {
            auditRefusal(of: request, error, context)
            throw error
        }
        let answer: VaultAnswer
        switch decision.answer {
        case .snapshot:
            return .new(
                .snapshot(
                    StoredVault(epoch: epoch, lastEventNumber: lastEventNumber, registry: machine.registry)))
        case .audit(let limit, let before): return .new(.audit(try store.audit(limit: limit, before: before)))
        case .done: answer = .done
        case .host(let host): answer = .host(host)
        case .protection(let protection): answer = .protection(protection)
        case .duties(let duties): answer = .duties(duties)
        case .cloudProtected(let result): answer = .cloudProtected(result)
        }
        var operation: CompletedOperation?
        if request.kind == .command, !decision.changes.isEmpty {
            operation = CompletedOperation(identifier: origin.operation, answer: answer.encoded)
        }
        try take(decision, at: moment, operation: operation)
        return .new(answer)
    }

    /// Looks for hosts that fell silent, and whether a database that could not be written can be again.
    func checkSilence() throws(VaultError) {
        try agree()
        let moment = clock.now()
        try take(machine.decideOnSilence(at: moment), at: moment, operation: nil)
        tryAgain(at: moment)
    }

    func health() -> VaultHealth {
        switch agreement {
        case .sure: VaultHealth(of: machine.registry, lastEventNumber: lastEventNumber)
        case .doubtful(let error), .unwritten(let error): VaultHealth(failure: error)
        }
    }

    // MARK: Storing

    private func take(
        _ decision: VaultDecision, at moment: VaultMoment, operation: CompletedOperation?
    ) throws(VaultError) {
        let changes = NumberedChange.numbering(decision.changes, after: lastEventNumber)
        if !decision.isVolatile {
            do {
                try store.commit(
                    VaultTransaction(moment: moment, changes: changes, audit: decision.audit, operation: operation))
            } catch {
                agreement = .doubtful(error)
                logger.error("A decision could not be stored", metadata: ["error": "\(error)"])
                throw error
            }
            agreement = .sure
        }
        machine.apply(decision, at: moment)
        for change in changes {
            guard let number = change.number else { continue }
            lastEventNumber = number
            events.publish(change)
        }
    }

    /// A refusal changes nothing, so one that cannot be audited is still a refusal.
    private func auditRefusal(of request: RegistryRequest, _ error: VaultError, _ context: RequestContext) {
        switch request.kind {
        case .report, .question: return
        case .command, .registration: break
        }
        let entry = AuditEntry(
            timeUnixMilliseconds: context.moment.unixMilliseconds, actor: context.actor, action: request.action,
            subject: TextRule.cut(request.subject), outcome: error.message)
        do {
            try store.commit(VaultTransaction(moment: context.moment, audit: [entry]))
            agreement = .sure
        } catch {
            agreement = .unwritten(error)
            logger.error("A refusal could not be audited", metadata: ["error": "\(error)"])
        }
    }

    /// Requests that change nothing are answered all the while, so only writing tells that it is over. What is written says
    /// how long it lasted, to whoever reads the audit later.
    private func tryAgain(at moment: VaultMoment) {
        guard case .unwritten(let error) = agreement else { return }
        let entry = AuditEntry(
            timeUnixMilliseconds: moment.unixMilliseconds, actor: "vault", action: "store", subject: "the registry",
            outcome: "done: nothing could be stored before. \(error.message)")
        do {
            try store.commit(VaultTransaction(moment: moment, audit: [entry]))
            agreement = .sure
            logger.notice("The database can be written again")
        } catch {
            // Not logged, because it is tried every second: the first failure was, and health says it.
            agreement = .unwritten(error)
        }
    }

    /// After a failed commit the database is asked what it holds, because only it knows.
    private func agree() throws(VaultError) {
        let failure: VaultError
        switch agreement {
        case .sure, .unwritten: return
        case .doubtful(let error): failure = error
        }
        let stored: StoredVault
        do {
            stored = try store.load()
        } catch {
            agreement = .doubtful(error)
            throw error
        }
        machine = VaultStateMachine(registry: stored.registry, at: clock.now())
        lastEventNumber = stored.lastEventNumber
        agreement = .unwritten(failure)
        logger.info("The registry was read again", metadata: ["event": "\(lastEventNumber)"])
    }
}

/// Who sent a request, as far as the vault cares.
struct RequestOrigin: Hashable, Sendable {
    /// For the audit only.
    var actor: String
    var generation: UInt64
    /// 16 bytes; the same for every repetition.
    var operation: [UInt8]
}

enum KeptAnswer: Hashable, Sendable {
    case new(VaultAnswer)
    /// Encoded by an earlier run.
    case repeated([UInt8])
}
