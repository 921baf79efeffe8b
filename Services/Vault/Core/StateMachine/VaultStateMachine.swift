/// Decides every request against the registry: request in, decision or refusal out.
///
/// A value without clock, socket, database, task or randomness of its own. The driver stores a decision first and then
/// hands it to ``apply(_:at:)``, so that what is answered and published is always on the disk:
///
///     request → decide → VaultDecision ──► store (one transaction) ──► apply ──► answer, publish
///                      └► VaultError (nothing changed)
///
/// A refusal changes nothing. Deciding the same request twice is harmless, because creating what exists and changing
/// what is no longer current are refused, and a repeated report is older than the last one.
struct VaultStateMachine: Sendable {
    private(set) var registry: Registry
    /// When each host was last heard of, by the clock that does not jump.
    private(set) var heardAt: [RegistryIdentifier: UInt64]
    /// Free space and memory that subscribers know of; what is measured moves on with every report.
    private(set) var publishedCapacity: [RegistryIdentifier: HostCapacity]
    /// The last reason why automatic protection left a guest alone.
    private(set) var automaticRefusals: [Guest.Key: String] = [:]

    /// Hosts that were reachable when the registry was stored get a full silence limit from now.
    init(registry: Registry, at moment: VaultMoment) {
        self.registry = registry
        heardAt = registry.hosts.mapValues { _ in moment.uptimeMilliseconds }
        publishedCapacity = registry.hosts.mapValues(\.capacity)
    }

    func decide(
        _ request: RegistryRequest, context: RequestContext, using generator: inout some RandomNumberGenerator
    ) throws(VaultError) -> VaultDecision {
        var draft = VaultDraft(registry: registry, context: context)
        switch request {
        case .createSite(let site): try createSite(site, &draft)
        case .deleteSite(let name): try deleteSite(name, &draft)
        case .createCloud(let cloud): try createCloud(cloud, &draft)
        case .deleteCloud(let name): try deleteCloud(name, &draft)
        case .pairClouds(let pair): try pairClouds(pair, &draft)
        case .unpairClouds(let key): try unpairClouds(key, &draft)
        case .registerHost(let registration): try registerHost(registration, &draft)
        case .reportInventory(let report): try reportInventory(report, &draft, using: &generator)
        case .removeHost(let id): try removeHost(id, &draft)
        case .protect(let request): try protect(request, &draft, using: &generator)
        case .protectCloud(let source, let target):
            try protectCloud(source: source, target: target, &draft, using: &generator)
        case .unprotect(let name, let fate): try unprotect(name, fate, &draft)
        case .changeState(let request): try changeState(request, &draft)
        case .advanceFailover(let request): try advanceFailover(request, &draft)
        case .setPolicyOverride(let name, let version, let policy):
            try setPolicyOverride(name, version, policy, &draft)
        case .confirmUnprotected(let name, let version): try confirmUnprotected(name, version, &draft)
        case .getSnapshot: draft.answer(.snapshot)
        case .listAudit(let limit, let before): try listAudit(limit: limit, before: before, &draft)
        }
        return draft.decision
    }

    /// What time alone changes: hosts that fell silent are no longer reachable.
    func decideOnSilence(at moment: VaultMoment) -> VaultDecision {
        var draft = VaultDraft(registry: registry, context: RequestContext(moment: moment, actor: "vault"))
        for host in registry.hosts.values.sorted(by: { $0.id < $1.id }) {
            switch host.contact {
            case .silent: continue
            case .reachable(let lastSeen):
                let heard = heardAt[host.id] ?? moment.uptimeMilliseconds
                // A clock that went backwards would be the driver's fault; saturating keeps it from trapping here.
                let silence = moment.uptimeMilliseconds - min(heard, moment.uptimeMilliseconds)
                guard silence >= VaultLimits.hostSilenceMilliseconds else { continue }
                var changed = host
                changed.contact = .silent(lastSeen: lastSeen)
                draft.record(.host(changed))
                draft.audit("host_silence", host.name, outcome: "Host \(host.name) stopped reporting.")
                updateAlarms(of: changed, &draft)
            }
        }
        return draft.decision
    }

    /// Takes over a decision of this machine after it was stored. `moment` is the one that it was decided at.
    mutating func apply(_ decision: VaultDecision, at moment: VaultMoment) {
        for change in decision.changes {
            registry.apply(change)
            switch change {
            case .host(let host):
                publishedCapacity[host.id] = host.capacity
                if host.contact.isReachable { heardAt[host.id] = moment.uptimeMilliseconds }
            case .hostRemoved(let id): forget(host: id)
            case .guestRemoved(let key): automaticRefusals[key] = nil
            case .site, .cloud, .pair, .guest, .protection, .siteRemoved, .cloudRemoved, .pairRemoved,
                .protectionRemoved, .exclusionAdded, .exclusionRemoved:
                break
            }
        }
        for observation in decision.observations {
            registry.observe(observation)
            heardAt[observation.hostID] = moment.uptimeMilliseconds
        }
        for note in decision.notes { automaticRefusals[note.guest] = note.sentence }
    }

    private mutating func forget(host id: RegistryIdentifier) {
        heardAt[id] = nil
        publishedCapacity[id] = nil
        automaticRefusals = automaticRefusals.filter { $0.key.hostID != id }
    }

    private func listAudit(limit: Int, before: UInt64?, _ draft: inout VaultDraft) throws(VaultError) {
        let most = VaultLimits.maximumAuditEntriesPerReply
        guard limit <= most else {
            throw VaultError(
                .invalidArgument, "\(limit) audit entries were asked for at once.", remedy: "Ask for at most \(most).")
        }
        draft.answer(.audit(limit: limit == 0 ? most : limit, before: before))
    }
}
