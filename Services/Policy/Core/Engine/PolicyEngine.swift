/// The whole of the policy service's decisions, as one value: every protection's machine, the job board, the policies,
/// and the copy of the registry. Events go in, durable changes and outward actions come out.
///
/// `handle` takes one event; `settle` follows a batch of them, hands out jobs, starts what is due, and must be called
/// before the output is used. The driver stores `changes` before it performs `actions`.
struct PolicyEngine: Sendable {
    /// Whether the vault answers.
    enum VaultContact: Hashable, Sendable {
        case never
        case present
        /// Nothing is heard from it.
        case lost(since: PolicyTime, PolicyError)
        /// It may be heard, but its registry was asked for and not got, so the copy may be old.
        case unread(since: PolicyTime, PolicyError)
    }

    var registry: RegistryCopy
    var policies: [String: PolicySettings]
    var machines: [ProtectionIdentifier: CycleStateMachine] = [:]
    var board: JobBoard
    var vaultContact = VaultContact.never
    var epoch: [UInt8]
    var reconciler = StateReconciler()
    var output = EngineOutput()
    let startedAt: PolicyTime

    /// Continues from what the store holds.
    init(stored: StoredState, seed: UInt64, limits: JobLimits = JobLimits(), now: PolicyTime) {
        registry = stored.registry
        epoch = stored.epoch
        policies = stored.policies
        board = JobBoard(seed: seed, limits: limits, drained: DrainedWorkers(stored: stored.drained, now: now))
        startedAt = now
        if policies[PolicySettings.builtIn.name] == nil {
            policies[PolicySettings.builtIn.name] = .builtIn
            output.changes.append(.putPolicy(.builtIn))
        }
        for entry in stored.registry.protections.values.sorted(by: { $0.id < $1.id }) {
            addMachine(entry, progress: stored.progress[entry.id], last: stored.lastReports[entry.id], now: now)
            if let record = stored.openCycles[entry.id], var machine = machines[entry.id] {
                perform(machine.recover(record, now: now), of: &machine, now: now)
                machines[entry.id] = machine
            }
            // What the registry says may still have to be obeyed: paused, disabling, or an operator's resync.
            feed(.listed(entry, .ordinary), to: entry.id, now: now)
        }
        settleUnlisted(stored, now: now)
    }

    /// A protection may have left the registry while its last cycle was still being cleaned up.
    private mutating func settleUnlisted(_ stored: StoredState, now: PolicyTime) {
        for (id, record) in stored.openCycles.sorted(by: { $0.key < $1.key }) where machines[id] == nil {
            addMachine(ProtectionEntry(leftBehindBy: record), progress: stored.progress[id], last: nil, now: now)
            guard var machine = machines[id] else { continue }
            perform(machine.recover(record, now: now), of: &machine, now: now)
            machines[id] = machine
            feed(.unlisted, to: id, now: now)
        }
        for id in stored.progress.keys.sorted() where machines[id] == nil { output.changes.append(.forget(id)) }
    }

    // MARK: Events

    mutating func handle(_ event: EngineEvent, now: PolicyTime) {
        switch event {
        case .timePassed:
            break
        case .asked(let token, let request):
            answer(request, token, now: now)
        case .askerGone(let token):
            board.forgetPull(token)
        case .agentAnswered(let id, let number, let result):
            feed(.answered(number, result), to: id, now: now)
        case .vaultAnswered(let call, let result):
            vaultAnswered(call, result, now: now)
        case .registryTaken(let snapshot):
            take(snapshot, now: now)
        case .registryChanged(let change):
            vaultContact = .present
            apply(change, word: .ordinary, now: now)
        case .vaultSeen:
            // Whoever is owed a registry has it when it was given, not when the vault is heard.
            if case .lost = vaultContact { vaultContact = .present }
        case .vaultLost(let error):
            switch vaultContact {
            case .never, .present: vaultContact = .lost(since: now, error)
            case .lost, .unread: break
            }
        case .registryRefused(let error):
            switch vaultContact {
            case .never, .present: vaultContact = .unread(since: now, error)
            case .lost(let since, _), .unread(let since, _): vaultContact = .unread(since: since, error)
            }
        }
    }

    /// Brings everything up to this instant and gives what has to be done since the last call.
    mutating func settle(now: PolicyTime) -> EngineOutput {
        wakeMachines(now: now)
        settleBoard(now: now)
        startCycles(now: now)
        reconcile(now: now)
        for (id, machine) in machines {
            guard case .forgotten = machine.phase else { continue }
            machines[id] = nil
            reconciler.forget(id)
        }
        defer { output = EngineOutput() }
        return output
    }

    /// When `settle` must be called again although nothing happened.
    func wakesAt(after now: PolicyTime) -> PolicyTime? {
        var times: [PolicyTime] = []
        for machine in machines.values {
            if let at = machine.wakesAt { times.append(at) }
            // One that is due already waits for another to end, which is an event.
            if let at = machine.startsAt, at > now { times.append(at) }
        }
        if let at = board.wakesAt { times.append(at) }
        if let at = reconciler.wakesAt, at > now { times.append(at) }
        return times.min()
    }

    // MARK: Machines

    mutating func addMachine(
        _ entry: ProtectionEntry, progress: ProtectionProgress?, last: CycleReport?, now: PolicyTime
    ) {
        var machine = CycleStateMachine(entry: entry, binding: binding(of: entry), progress: progress, now: now)
        machine.status.restore(last: last)
        machines[entry.id] = machine
        if progress == nil { output.changes.append(.putProgress(machine.progress)) }
    }

    mutating func feed(_ event: CycleEvent, to id: ProtectionIdentifier, now: PolicyTime) {
        // Taken out while it changes, so that it is not copied.
        guard var machine = machines.removeValue(forKey: id) else { return }
        let actions = machine.handle(event, now: now)
        perform(actions, of: &machine, now: now)
        machines[id] = machine
    }

    mutating func perform(_ actions: [CycleAction], of machine: inout CycleStateMachine, now: PolicyTime) {
        for action in actions {
            switch action {
            case .store(let change):
                output.changes.append(change)
            case .call(let number, let host, let generation, let call):
                guard let endpoint = registry.hosts[host]?.controlEndpoint, !endpoint.isEmpty else {
                    let error = unknownHost(host, standing: machine.standing)
                    perform(machine.handle(.answered(number, .failure(error)), now: now), of: &machine, now: now)
                    continue
                }
                output.actions.append(
                    .callAgent(
                        AgentOrder(
                            protection: machine.entry.id, number: number, endpoint: endpoint,
                            hostName: registry.hostName(host), generation: generation, call: call)))
            case .post(let record, let capture, let door, let settings):
                post(record, capture, door, settings, machine: &machine, now: now)
            case .withdraw:
                board.withdraw(machine.entry.id)
            }
        }
    }

    /// A host that left the registry for good needs no cleaning; one that is only not known yet does.
    func unknownHost(_ host: String, standing: CycleStateMachine.Standing) -> PolicyError {
        let message = "Host \(host) is not in the registry."
        switch standing {
        case .release, .gone:
            return PolicyError(.notFound, message)
        case .run, .onRequest, .hold, .pause:
            return PolicyError(.unavailable, message, remedy: "Start the agent of that host, so that it registers.")
        }
    }

    mutating func wakeMachines(now: PolicyTime) {
        // In the order of identifiers, not of a dictionary, so that the same events lead to the same actions again.
        let due = machines.values.filter { $0.wakesAt.map { $0 <= now } ?? false }.map(\.entry.id).sorted()
        for id in due { feed(.timePassed, to: id, now: now) }
    }
}
