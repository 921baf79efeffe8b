/// Making protections: of one guest, and of a whole cloud.
extension VaultStateMachine {
    func protect(
        _ request: ProtectRequest, _ draft: inout VaultDraft, using generator: inout some RandomNumberGenerator
    ) throws(VaultError) {
        try TextRule.checkOptionalName(request.policyOverride, of: "policy")
        let guest = try findGuest(request.guest, onHost: request.sourceHost, draft.registry)
        try checkUnprotected(guest, draft.registry)
        try checkFindings(of: guest)
        let target = try request.targetHost.map { name throws(VaultError) in try Self.findHost(name, draft.registry) }
        let pair = try findPair(for: guest, targetCloud: request.targetCloud, targetHost: target, draft.registry)
        let protection = try makeProtection(
            of: guest, under: pair, on: target, policyOverride: request.policyOverride, &draft, using: &generator)
        draft.audit("protect", protection.guestName)
        draft.answer(.protection(protection))
    }

    /// Protects what is there and remembers, in the pair, that what comes later is covered too.
    func protectCloud(
        source: String, target: String?, _ draft: inout VaultDraft, using generator: inout some RandomNumberGenerator
    ) throws(VaultError) {
        guard draft.registry.clouds[source] != nil else { throw Self.unknown("cloud", source) }
        var pair = try choosePair(from: source, targetCloud: target, draft.registry)
        if !pair.coverage.protectsAll {
            pair.coverage = CloudPair.Coverage(
                protectsAll: true, protectsLaterGuests: pair.coverage.protectsLaterGuests)
            draft.record(.pair(pair))
        }
        var result = CloudProtectionResult()
        for host in draft.registry.hosts(inCloud: source) {
            for guest in draft.registry.guests(onHost: host.id).values.sorted(by: { $0.key < $1.key }) {
                if draft.registry.protection(ofGuest: guest.key.uuid) != nil {
                    result.already.append(guest.name)
                    continue
                }
                do throws(VaultError) {
                    let protection = try makeUnnamedProtection(of: guest, under: pair, &draft, using: &generator)
                    result.created.append(protection)
                } catch {
                    result.refused.append(CloudProtectionResult.Refusal(guest: guest.name, error: error))
                }
            }
        }
        draft.audit(
            "protect_cloud", "\(pair.key.sourceCloud) → \(pair.key.targetCloud)",
            outcome: "done: \(result.created.count) created, \(result.refused.count) refused, "
                + "\(result.already.count) already protected")
        result.refused.removeLast(max(0, result.refused.count - VaultLimits.maximumRefusalsPerReply))
        draft.answer(.cloudProtected(result))
    }

    /// For whole clouds: nobody named the guest.
    func makeUnnamedProtection(
        of guest: Guest, under pair: CloudPair, _ draft: inout VaultDraft,
        using generator: inout some RandomNumberGenerator
    ) throws(VaultError) -> Protection {
        try checkOnlyOne(guest, draft.registry)
        return try makeProtection(of: guest, under: pair, &draft, using: &generator)
    }

    /// The rules that hold for every new protection, whoever asked for it.
    func makeProtection(
        of guest: Guest, under pair: CloudPair, on target: Host? = nil, policyOverride: String = "",
        _ draft: inout VaultDraft, using generator: inout some RandomNumberGenerator
    ) throws(VaultError) -> Protection {
        try checkUnprotected(guest, draft.registry)
        try checkFindings(of: guest)
        try checkSource(of: guest, draft.registry)
        guard draft.registry.protections.count < VaultLimits.maximumProtections else {
            throw Self.full("protections", VaultLimits.maximumProtections)
        }
        let placement = TargetPlacement(registry: draft.registry, guest: guest)
        if let refusal = target.flatMap({ placement.refusal(of: $0) }) { throw refusal }
        let host = if let target { target } else { try placement.choose(inCloud: pair.key.targetCloud) }
        let protection = Protection(
            id: RegistryIdentifier(using: &generator), guestUUID: guest.key.uuid, guestName: guest.name,
            sourceHostID: guest.key.hostID, targetHostID: host.id, pair: pair.key, state: .enabling, stateReason: "",
            direction: .forward, generation: 1, version: 1, policyOverride: policyOverride,
            createdUnixMilliseconds: draft.context.moment.unixMilliseconds)
        let exclusion = GuestExclusion(pair: pair.key, guestUUID: guest.key.uuid)
        if draft.registry.exclusions.contains(exclusion) { draft.record(.exclusionRemoved(exclusion)) }
        draft.record(.protection(protection))
        return protection
    }
}

// MARK: - Finding what a request names

extension VaultStateMachine {
    static func findHost(_ name: String, _ registry: Registry) throws(VaultError) -> Host {
        if let id = RegistryIdentifier(name), let host = registry.hosts[id] { return host }
        if let host = registry.hosts.values.first(where: { $0.name == name }) { return host }
        throw unknown("host", name)
    }

    private func findGuest(
        _ name: String, onHost hostName: String?, _ registry: Registry
    ) throws(VaultError) -> Guest {
        let host = try hostName.map { name throws(VaultError) in try Self.findHost(name, registry) }
        let uuid = RegistryIdentifier(name)
        let found = registry.guests.values.flatMap(\.values)
            .filter { ($0.name == name || $0.key.uuid == uuid) && (host == nil || $0.key.hostID == host?.id) }
            .sorted { $0.key < $1.key }
        guard let guest = found.first else {
            throw VaultError(
                .notFound,
                "There is no guest \(TextRule.quoted(name))\(host.map { " on host \($0.name)" } ?? "").",
                remedy: "List the guests and name one of them; a guest appears when its host's agent reports it.")
        }
        guard found.count == 1 else {
            let hosts = found.compactMap { registry.hosts[$0.key.hostID]?.name }.sorted()
            throw Self.onSeveralHosts(
                name, hosts, remedy: host == nil ? "Name the source host." : "Name the guest by its UUID.")
        }
        return guest
    }

    private func findPair(
        for guest: Guest, targetCloud: String?, targetHost: Host?, _ registry: Registry
    ) throws(VaultError) -> CloudPair {
        guard let source = registry.hosts[guest.key.hostID] else { throw Self.unknown("host", guest.key.hostID.text) }
        if let targetHost, targetHost.id == source.id {
            throw VaultError(
                .invalidArgument, "Host \(source.name) runs the guest itself.", remedy: "Choose a host of another site."
            )
        }
        if let targetHost, let targetCloud, targetHost.cloud != targetCloud {
            throw VaultError(
                .failedPrecondition, "Host \(targetHost.name) is in cloud \(targetHost.cloud), not in \(targetCloud).",
                remedy: "Choose a host of the target cloud.")
        }
        return try choosePair(from: source.cloud, targetCloud: targetCloud ?? targetHost?.cloud, registry)
    }

    private func choosePair(
        from source: String, targetCloud: String?, _ registry: Registry
    ) throws(VaultError) -> CloudPair {
        let pairs = registry.pairs(fromCloud: source)
        if let targetCloud {
            if let pair = pairs.first(where: { $0.key.targetCloud == targetCloud }) { return pair }
            throw VaultError(
                .failedPrecondition, "Cloud \(source) is not paired with cloud \(TextRule.quoted(targetCloud)).",
                remedy: "Pair the clouds first.")
        }
        guard let pair = pairs.first else {
            throw VaultError(
                .failedPrecondition, "Cloud \(source) is not paired with any other.", remedy: "Pair the clouds first.")
        }
        guard pairs.count == 1 else {
            throw VaultError(
                .failedPrecondition,
                "Cloud \(source) is paired with the \(Self.list(pairs.map(\.key.targetCloud), "cloud")).",
                remedy: "Name the target cloud.")
        }
        return pair
    }
}

// MARK: - Rules

extension VaultStateMachine {
    private func checkUnprotected(_ guest: Guest, _ registry: Registry) throws(VaultError) {
        guard let protection = registry.protection(ofGuest: guest.key.uuid) else { return }
        switch protection.state {
        case .enabling, .seeding, .protected, .paused, .resynchronizing, .failingOver, .commitPending, .committed,
            .reversing:
            throw VaultError(
                .alreadyExists, "Guest \(guest.name) is already protected.",
                remedy: "Unprotect it first if it should go elsewhere.", facts: ["protection": protection.id.text])
        case .disabling:
            throw VaultError(
                .alreadyExists, "Guest \(guest.name) is still being unprotected.",
                remedy: "Wait until that is done, then protect it."
                    + Self.wayOut(silent: registry.silentHosts(of: protection)),
                facts: ["protection": protection.id.text])
        }
    }

    private static func wayOut(silent hosts: [Host]) -> String {
        hosts.map { " Host \($0.name) is silent; if it is gone for good: bascule hosts remove \($0.name)." }.joined()
    }

    private func checkFindings(of guest: Guest) throws(VaultError) {
        let findings = guest.blockingFindings
        if let first = findings.first {
            let told = findings.prefix(VaultLimits.maximumFindingsPerRefusal)
            throw VaultError(
                .failedPrecondition, told.map(\.message).joined(separator: " "),
                remedy: told.map(\.remedy).filter { !$0.isEmpty }.joined(separator: " "),
                facts: ["rule": first.rule, "subject": first.subject, "findings": "\(findings.count)"])
        }
        guard !guest.disks.isEmpty else {
            throw VaultError(
                .failedPrecondition, "Guest \(guest.name) has no disk that could be replicated.",
                remedy: "Give it a qcow2 disk.")
        }
    }

    private func checkSource(of guest: Guest, _ registry: Registry) throws(VaultError) {
        guard let source = registry.hosts[guest.key.hostID] else { throw Self.unknown("host", guest.key.hostID.text) }
        guard source.contact.isReachable else {
            throw VaultError(
                .unavailable, "Host \(source.name), which runs guest \(guest.name), does not report.",
                remedy: "Start its agent.")
        }
    }

    /// The same UUID on two hosts means a copy or a move that is not finished: which one is the guest is for a person
    /// to say, so nothing that protects without naming a source host takes such a guest.
    private func checkOnlyOne(_ guest: Guest, _ registry: Registry) throws(VaultError) {
        let hosts = registry.hostsHolding(guest: guest.key.uuid).map(\.name).sorted()
        guard hosts.count <= 1 else {
            throw Self.onSeveralHosts(guest.name, hosts, remedy: "Protect it by name, and name the source host.")
        }
    }

    private static func onSeveralHosts(_ guest: String, _ hosts: [String], remedy: String) -> VaultError {
        VaultError(
            .failedPrecondition, "Guest \(TextRule.quoted(guest)) is on the \(list(hosts, "host")).", remedy: remedy,
            facts: ["hosts": hosts.joined(separator: ",")])
    }
}
