// What the vault says, what it is told, and which policy applies where.

extension PolicyEngine {
    // MARK: Registry

    mutating func take(_ snapshot: RegistrySnapshot, now: PolicyTime) {
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

    mutating func apply(_ change: RegistryChange, word: RegistryWord, now: PolicyTime) {
        guard registry.apply(change, sameEpoch: word != .otherEpoch) else { return }
        output.changes.append(.putRegistry(change))
        switch change {
        case .host, .hostRemoved, .cloud, .cloudRemoved:
            break
        case .pair, .pairRemoved:
            rebind(now: now)
        case .protection(let entry):
            list(entry, word, now: now)
        case .protectionRemoved(let id):
            feed(.unlisted, to: id, now: now)
        }
    }

    mutating func list(_ entry: ProtectionEntry, _ word: RegistryWord, now: PolicyTime) {
        if machines[entry.id] == nil { addMachine(entry, progress: nil, last: nil, now: now) }
        let isOwn = word == .ordinary && entry.state == .resynchronizing && reconciler.isOwnResync(entry.id)
        feed(.listed(entry, isOwn ? .ownResync : word), to: entry.id, now: now)
        bindMachine(entry.id, now: now)
    }

    func binding(of entry: ProtectionEntry) -> PolicyBinding {
        let name = registry.policyName(for: entry)
        return policies[name].map { .known($0) } ?? .unknown(name: name)
    }

    /// The limit that all guests of a pair of clouds share: that of the pair's own policy.
    func bandwidthPlan(of pair: PairEntry.Key) -> BandwidthPlan {
        registry.pairs[pair].flatMap { policies[$0.policyName]?.bandwidth } ?? BandwidthPlan(usualBytesPerSecond: 0)
    }

    mutating func rebind(now: PolicyTime) {
        for pair in board.pairs { board.change(pair: pair, to: bandwidthPlan(of: pair)) }
        for id in machines.keys.sorted() { bindMachine(id, now: now) }
    }

    mutating func bindMachine(_ id: ProtectionIdentifier, now: PolicyTime) {
        guard let machine = machines[id] else { return }
        let binding = binding(of: machine.entry)
        guard binding != machine.binding else { return }
        feed(.bound(binding), to: id, now: now)
        if case .known(let settings) = binding { board.move(id, to: settings.name, settings.bandwidth, now: now) }
    }

    // MARK: Vault

    mutating func reconcile(now: PolicyTime) {
        for id in machines.keys.sorted() {
            guard let machine = machines[id], let call = reconciler.next(for: machine, now: now) else { continue }
            output.actions.append(.callVault(call))
        }
    }

    /// The entry is nil where there is none, because the request ended the protection (`VaultCall.answer`).
    mutating func vaultAnswered(
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
        board.change(policy: settings.name, to: settings.bandwidth)
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
