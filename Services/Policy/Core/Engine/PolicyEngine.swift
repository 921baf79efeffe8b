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
        case lost(since: PolicyTime, PolicyError)
    }

    private(set) var registry: RegistryCopy
    private(set) var policies: [String: PolicySettings]
    private(set) var machines: [ProtectionIdentifier: CycleStateMachine] = [:]
    var board: JobBoard
    private(set) var vaultContact = VaultContact.never
    private(set) var epoch: [UInt8]
    private var reconciler = StateReconciler()
    private var output = EngineOutput()
    let startedAt: PolicyTime

    /// Continues from what the store holds.
    init(stored: StoredState, seed: UInt64, now: PolicyTime) {
        registry = stored.registry
        epoch = stored.epoch
        policies = stored.policies
        board = JobBoard(seed: seed)
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
            // Before the first snapshot there is nothing to be told from it.
            if case .lost = vaultContact { vaultContact = .present }
        case .vaultLost(let error):
            guard case .lost = vaultContact else {
                vaultContact = .lost(since: now, error)
                break
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

    private mutating func addMachine(
        _ entry: ProtectionEntry, progress: ProtectionProgress?, last: CycleReport?, now: PolicyTime
    ) {
        var machine = CycleStateMachine(entry: entry, binding: binding(of: entry), progress: progress, now: now)
        machine.status.restore(last: last)
        machines[entry.id] = machine
        if progress == nil { output.changes.append(.putProgress(machine.progress)) }
    }

    private mutating func feed(_ event: CycleEvent, to id: ProtectionIdentifier, now: PolicyTime) {
        // Taken out while it changes, so that it is not copied.
        guard var machine = machines.removeValue(forKey: id) else { return }
        let actions = machine.handle(event, now: now)
        perform(actions, of: &machine, now: now)
        machines[id] = machine
    }

    private mutating func perform(_ actions: [CycleAction], of machine: inout CycleStateMachine, now: PolicyTime) {
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
                            protection: machine.entry.id, number: number, endpoint: endpoint, generation: generation,
                            call: call)))
            case .post(let record, let capture, let door, let settings):
                post(record, capture, door, settings, machine: &machine, now: now)
            case .withdraw:
                board.withdraw(machine.entry.id)
            }
        }
    }

    /// A host that left the registry for good needs no cleaning; one that is only not known yet does.
    private func unknownHost(_ host: String, standing: CycleStateMachine.Standing) -> PolicyError {
        let message = "Host \(host) is not in the registry."
        switch standing {
        case .release, .gone:
            return PolicyError(.notFound, message)
        case .run, .pause:
            return PolicyError(.unavailable, message, remedy: "Start the agent of that host, so that it registers.")
        }
    }

    private mutating func wakeMachines(now: PolicyTime) {
        for (id, machine) in machines {
            guard let at = machine.wakesAt, at <= now else { continue }
            feed(.timePassed, to: id, now: now)
        }
    }

    // MARK: Cycles

    /// Starts what is due, longest due first, within the limits of open cycles.
    private mutating func startCycles(now: PolicyTime) {
        let due = machines.values
            .compactMap { machine in machine.startsAt.map { (at: $0, id: machine.entry.id, need: machine.progress.need) } }
            .filter { $0.at <= now }
            .sorted { ($0.at, $0.id) < ($1.at, $1.id) }
        guard !due.isEmpty else { return }
        var open = 0
        var long = 0
        for machine in machines.values {
            guard let flight = machine.phase.openCycle else { continue }
            open += 1
            if flight.record.kind != .incremental { long += 1 }
        }
        for (_, id, need) in due {
            guard open < PolicyLimits.openCyclesMaximum else { break }
            if need.kind != .incremental {
                guard long < PolicyLimits.longCyclesMaximum else { continue }
                long += 1
            }
            open += 1
            guard var machine = machines.removeValue(forKey: id) else { continue }
            let actions = machine.start(now: now)
            perform(actions, of: &machine, now: now)
            machines[id] = machine
        }
    }

    private mutating func post(
        _ record: CycleRecord, _ capture: Capture, _ door: TransferDoor, _ settings: PolicySettings,
        machine: inout CycleStateMachine, now: PolicyTime
    ) {
        let everything = CycleStateMachine.coversEverything(record)
        let pieces = RegionCutter(capture: capture, coversEverything: everything, slots: board.slots).pieces(of: capture)
        // An ordinary cycle's objective is missed when its point is older than the frequency. A long one gives way for
        // a while, so that it does not delay the small ones, but not for ever.
        let objective: PolicyTime
        switch record.kind {
        case .incremental:
            objective = (machine.progress.newest?.startedAt ?? record.startedAt) + settings.frequencyMilliseconds
        case .full, .compare:
            objective = record.startedAt + PolicyLimits.longCycleGraceMilliseconds
        }
        board.post(
            JobPosting(
                protection: record.protection, generation: record.generation, cycle: record.cycle, kind: record.kind,
                sourceHost: record.sourceHost, sourceHostName: registry.hostName(record.sourceHost), door: door,
                compression: settings.compression,
                bandwidth: BandwidthKey(pair: registry.pairKey(of: machine.entry), policy: settings.name),
                bandwidthBytesPerSecond: settings.bandwidthBytesPerSecond, objective: objective, pieces: pieces),
            now: now)
    }

    private mutating func settleBoard(now: PolicyTime) {
        for outcome in board.settle(now: now) {
            switch outcome {
            case .answerPull(let token, let grants):
                output.actions.append(.answer(token, .success(.grants(grants))))
            case .finished(let id, let cycle, let jobs, let sentBytes, let changedBytes):
                let event = CycleEvent.jobsFinished(
                    cycle: cycle, jobs, sentBytes: sentBytes, changedBytes: changedBytes)
                feed(event, to: id, now: now)
            case .failed(let id, let cycle, let error):
                feed(.jobsFailed(cycle: cycle, error), to: id, now: now)
            case .moved(let id, let pendingBytes, let sentBytes):
                machines[id]?.status.moved(pendingBytes: pendingBytes, sentBytes: sentBytes, at: now)
            }
        }
    }

    // MARK: Registry

    private mutating func take(_ snapshot: RegistrySnapshot, now: PolicyTime) {
        vaultContact = .present
        let sameEpoch = snapshot.position.epoch == epoch
        let isFirst = epoch.isEmpty
        if !sameEpoch {
            epoch = snapshot.position.epoch
            output.changes.append(.putEpoch(epoch))
        }
        let changes = registry.changes(to: snapshot, sameEpoch: sameEpoch)
        for change in changes { apply(change, word: sameEpoch || isFirst ? .ordinary : .otherEpoch, now: now) }
    }

    private mutating func apply(_ change: RegistryChange, word: RegistryWord, now: PolicyTime) {
        guard registry.apply(change, sameEpoch: word != .otherEpoch) else { return }
        output.changes.append(.putRegistry(change))
        switch change {
        case .host, .hostRemoved:
            break
        case .pair, .pairRemoved:
            rebind(now: now)
        case .protection(let entry):
            list(entry, word, now: now)
        case .protectionRemoved(let id):
            feed(.unlisted, to: id, now: now)
        }
    }

    private mutating func list(_ entry: ProtectionEntry, _ word: RegistryWord, now: PolicyTime) {
        if machines[entry.id] == nil { addMachine(entry, progress: nil, last: nil, now: now) }
        let isOwn = word == .ordinary && entry.state == .resynchronizing && reconciler.isOwnResync(entry.id)
        feed(.listed(entry, isOwn ? .ownResync : word), to: entry.id, now: now)
        bindMachine(entry.id, now: now)
    }

    private func binding(of entry: ProtectionEntry) -> PolicyBinding {
        let name = registry.policyName(for: entry)
        return policies[name].map { .known($0) } ?? .unknown(name: name)
    }

    private mutating func rebind(now: PolicyTime) {
        for id in machines.keys { bindMachine(id, now: now) }
    }

    private mutating func bindMachine(_ id: ProtectionIdentifier, now: PolicyTime) {
        guard let machine = machines[id] else { return }
        let binding = binding(of: machine.entry)
        guard binding != machine.binding else { return }
        feed(.bound(binding), to: id, now: now)
    }

    // MARK: Vault

    private mutating func reconcile(now: PolicyTime) {
        for id in machines.keys.sorted() {
            guard let machine = machines[id], let call = reconciler.next(for: machine, now: now) else { continue }
            output.actions.append(.callVault(call))
        }
    }

    private mutating func vaultAnswered(
        _ call: VaultCall, _ result: Result<ProtectionEntry?, PolicyError>, now: PolicyTime
    ) {
        switch (result, call) {
        case (.success(let entry), .changeState):
            if let entry { apply(.protection(entry), word: .ordinary, now: now) }
            reconciler.succeeded(call)
        case (.success, .confirmUnprotected(let id, _)):
            reconciler.succeeded(call)
            apply(.protectionRemoved(id), word: .ordinary, now: now)
        case (.failure(let error), .confirmUnprotected(let id, _)) where error.code == .notFound:
            // It had been confirmed before; that answer was lost.
            reconciler.succeeded(call)
            apply(.protectionRemoved(id), word: .ordinary, now: now)
        case (.failure, _):
            reconciler.failed(call, now: now)
        }
    }

    // MARK: Policies

    mutating func setPolicy(_ settings: PolicySettings, now: PolicyTime) {
        policies[settings.name] = settings
        output.changes.append(.putPolicy(settings))
        rebind(now: now)
    }

    mutating func removePolicy(_ name: String, now: PolicyTime) {
        policies[name] = nil
        output.changes.append(.deletePolicy(name: name))
        rebind(now: now)
    }

    mutating func reply(_ token: RequestToken, _ result: Result<ServiceAnswer, PolicyError>) {
        output.actions.append(.answer(token, result))
    }

    mutating func replyWithHistory(_ token: RequestToken, _ id: ProtectionIdentifier, limit: Int) {
        output.actions.append(.answerHistory(token, id, limit: limit))
    }

    mutating func trigger(_ id: ProtectionIdentifier, _ consistency: Consistency?, now: PolicyTime) {
        feed(.triggered(consistency), to: id, now: now)
    }
}
