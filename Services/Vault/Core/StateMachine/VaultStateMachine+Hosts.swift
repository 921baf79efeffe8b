/// Hosts: registration and removal.
extension VaultStateMachine {
    func registerHost(_ registration: HostRegistration, _ draft: inout VaultDraft) throws(VaultError) {
        try checkTexts(of: registration)
        try placeInCloud(registration, &draft)
        let present = draft.registry.hosts[registration.id]
        try checkIdentity(of: registration, present: present, draft.registry)
        let host = Host(
            id: registration.id, name: registration.name, cloud: registration.cloud,
            controlEndpoint: registration.controlEndpoint, agentVersion: registration.agentVersion,
            hypervisorURI: registration.hypervisorURI, capacity: registration.capacity,
            contact: .reachable(lastSeen: draft.context.moment.unixMilliseconds), inventorySequence: 0,
            incarnation: registration.incarnation)
        draft.record(.host(host))
        draft.audit("register_host", host.name)
        draft.answer(.host(host))
    }

    func removeHost(_ id: RegistryIdentifier, _ draft: inout VaultDraft) throws(VaultError) {
        guard let host = draft.registry.hosts[id] else { throw Self.unknown("host", id.text) }
        try checkLeaving(host, draft.registry)
        for guest in draft.registry.guests(onHost: id).values.sorted(by: { $0.key < $1.key }) {
            draft.record(.guestRemoved(guest.key))
        }
        if draft.registry.protections(using: id).isEmpty {
            draft.record(.hostRemoved(id))
        } else if !host.isLeaving {
            var leaving = host
            leaving.controlEndpoint = ""
            draft.record(.host(leaving))
        }
        draft.audit("remove_host", host.name)
    }

    /// After a protection was removed: a host that only it still named goes.
    func removeLeavingHosts(of protection: Protection, _ draft: inout VaultDraft) {
        for id in [protection.sourceHostID, protection.targetHostID] {
            guard let host = draft.registry.hosts[id], host.isLeaving, draft.registry.protections(using: id).isEmpty
            else { continue }
            draft.record(.hostRemoved(id))
            draft.audit("remove_host", host.name, actor: "vault")
        }
    }

    /// A host that is gone for good never lets go of what is being unprotected, so it can be removed before. One that
    /// reports will let go, and one that a protection needs stays.
    private func checkLeaving(_ host: Host, _ registry: Registry) throws(VaultError) {
        let protections = registry.protections(using: host.id)
        let wanted = protections.filter { !$0.state.isDisabling }
        let facts = ["protections": "\(protections.count)"]
        guard wanted.isEmpty else {
            throw VaultError(
                .failedPrecondition,
                "Host \(host.name) is used by the protections of the "
                    + Self.list(wanted.map(\.guestName), "guest") + ".",
                remedy: host.contact.isReachable
                    ? "Unprotect them first."
                    : "Unprotect them first. As the host is silent, it can then be removed without waiting for it.",
                facts: facts)
        }
        guard protections.isEmpty || !host.contact.isReachable else {
            throw VaultError(
                .failedPrecondition,
                "Host \(host.name) reports, and has still to let go of the "
                    + Self.list(protections.map(\.guestName), "guest") + ".",
                remedy: "Wait until that is done; bascule status says what it waits for.", facts: facts)
        }
    }

    private func checkTexts(of registration: HostRegistration) throws(VaultError) {
        guard registration.incarnation <= VaultLimits.maximumIncarnation else {
            throw VaultError(
                .invalidArgument, "Incarnation \(registration.incarnation) of a host is not one that was counted.",
                remedy: "Count from 0, by one each time that the host is taken over.")
        }
        try TextRule.checkName(registration.name, of: "host")
        try TextRule.checkName(registration.cloud, of: "cloud")
        try TextRule.checkOptionalName(registration.site, of: "site")
        try TextRule.checkEndpoint(registration.controlEndpoint)
        try TextRule.checkText(
            registration.agentVersion, "agent's version", maximumBytes: VaultLimits.maximumVersionBytes)
        try TextRule.checkText(
            registration.hypervisorURI, "hypervisor's address", maximumBytes: VaultLimits.maximumHypervisorBytes)
    }

    /// Makes site and cloud when that is allowed, and refuses a cloud of another site.
    private func placeInCloud(_ registration: HostRegistration, _ draft: inout VaultDraft) throws(VaultError) {
        if let cloud = draft.registry.clouds[registration.cloud] {
            guard registration.site.isEmpty || registration.site == cloud.site else {
                throw VaultError(
                    .failedPrecondition,
                    "Cloud \(cloud.name) is in site \(cloud.site), not in \(TextRule.quoted(registration.site)).",
                    remedy: "Correct the site or the cloud in the agent's settings.")
            }
            return
        }
        guard registration.createsMissing else { throw Self.unknown("cloud", registration.cloud) }
        guard !registration.site.isEmpty else {
            throw VaultError(
                .invalidArgument, "Cloud \(registration.cloud) does not exist, and no site is named to make it in.",
                remedy: "Name the site in the agent's settings.")
        }
        if draft.registry.sites[registration.site] == nil {
            try recordNewSite(Site(name: registration.site), &draft)
        }
        try recordNewCloud(Cloud(name: registration.cloud, site: registration.site), &draft)
    }

    /// An agent of a lower incarnation was replaced by another one, and must hear that it is not this host any more.
    func checkIncarnation(_ incarnation: UInt64, of host: Host) throws(VaultError) {
        guard incarnation < host.incarnation else { return }
        throw VaultError(
            .staleGeneration,
            "Host \(host.name) was taken over by another agent: it has incarnation \(host.incarnation), and this one is "
                + "\(incarnation).",
            remedy: "If this machine is to be the host again, stop both agents and run here: bascule-agent identity "
                + "\(host.name) --config FILE. Otherwise stop this agent and remove its state directory.",
            facts: ["incarnation": "\(host.incarnation)"])
    }

    private func checkIdentity(
        of registration: HostRegistration, present: Host?, _ registry: Registry
    ) throws(VaultError) {
        if let other = registry.hosts.values.first(where: { $0.name == registration.name && $0.id != registration.id })
        {
            throw VaultError(
                .alreadyExists, "Another host has the name \(registration.name).",
                remedy: "If it is this one and its agent's database was lost, stop the agent and run: bascule-agent "
                    + "identity \(registration.name) --config FILE. Otherwise give one of them another name.",
                facts: ["other_host": other.id.text])
        }
        guard let present else {
            guard registry.hosts.count < VaultLimits.maximumHosts else {
                throw Self.full("hosts", VaultLimits.maximumHosts)
            }
            return
        }
        try checkIncarnation(registration.incarnation, of: present)
        let protections = registry.protections(using: present.id)
        guard present.cloud == registration.cloud || protections.isEmpty else {
            throw VaultError(
                .failedPrecondition,
                "Host \(present.name) cannot leave cloud \(present.cloud): it is used by the protections of the "
                    + Self.list(protections.map(\.guestName), "guest") + ".",
                remedy: "Unprotect them first.", facts: ["protections": "\(protections.count)"])
        }
    }
}
