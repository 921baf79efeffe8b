internal import Messages

/// Requests of `vault.proto` in the vault's own words. Only their form is checked here: identifiers are UUIDs, choices
/// are made. What they ask for is judged by ``VaultStateMachine``.
extension RegistryRequest {
    init(wire: VaultRequest.OneOf_Request) throws(VaultError) {
        switch wire {
        case .createSite(let request): self = .createSite(Site(name: request.site.name))
        case .deleteSite(let request): self = .deleteSite(name: request.name)
        case .createCloud(let request):
            self = .createCloud(Cloud(name: request.cloud.name, site: request.cloud.site))
        case .deleteCloud(let request): self = .deleteCloud(name: request.name)
        case .pairClouds(let request): self = .pairClouds(try CloudPair(wire: request.pair))
        case .unpairClouds(let request):
            self = .unpairClouds(
                CloudPair.Key(sourceCloud: request.sourceCloud, targetCloud: request.targetCloud))
        case .registerHost(let request): self = .registerHost(try HostRegistration(wire: request))
        case .reportInventory(let request): self = .reportInventory(try InventoryReport(wire: request))
        case .removeHost(let request):
            self = .removeHost(id: try RegistryIdentifier(wire: request.id, "RemoveHost.id"))
        case .protect(let request): self = .protect(ProtectRequest(wire: request))
        case .protectCloud(let request):
            self = .protectCloud(sourceCloud: request.sourceCloud, targetCloud: request.targetCloud.unlessEmpty)
        case .unprotect(let request):
            self = .unprotect(protection: request.protection, fate: request.keepReplica ? .keep : .delete)
        case .changeState(let request): self = .changeState(try StateChangeRequest(wire: request))
        case .setPolicyOverride(let request):
            self = .setPolicyOverride(
                protection: request.protection, expectedVersion: ExpectedVersion(wire: request.expectedVersion),
                policy: request.policy)
        case .confirmUnprotected(let request):
            self = .confirmUnprotected(
                protection: request.protection, expectedVersion: ExpectedVersion(wire: request.expectedVersion))
        case .getSnapshot: self = .getSnapshot
        case .listAudit(let request):
            self = .listAudit(
                limit: Int(request.limit), before: request.beforeNumber == 0 ? nil : request.beforeNumber)
        case .advanceFailover(let request): self = .advanceFailover(try FailoverAdvance(wire: request))
        }
    }
}

extension HostRegistration {
    fileprivate init(wire: RegisterHost) throws(VaultError) {
        self.init(
            id: try RegistryIdentifier(wire: wire.host.id, "Host.id"), name: wire.host.name, cloud: wire.host.cloud,
            site: wire.site, controlEndpoint: wire.host.controlEndpoint, agentVersion: wire.host.agentVersion,
            hypervisorURI: wire.host.hypervisorUri, capacity: HostCapacity(wire: wire.host.capacity),
            createsMissing: wire.createMissing, incarnation: wire.host.incarnation)
    }
}

extension InventoryReport {
    fileprivate init(wire: ReportInventory) throws(VaultError) {
        let hostID = try RegistryIdentifier(wire: wire.hostID, "ReportInventory.host_id")
        // A guest that does not say its host is on the one that reports it.
        var guests: [Guest] = []
        guests.reserveCapacity(wire.guests.count)
        for guest in wire.guests { guests.append(try Guest(wire: guest, reportedBy: hostID)) }
        self.init(
            hostID: hostID, sequence: wire.sequence, capacity: HostCapacity(wire: wire.capacity), guests: guests,
            sides: try wire.sides.map { side throws(VaultError) in try SideReport(wire: side) },
            incarnation: wire.incarnation)
    }
}

extension SideReport {
    fileprivate init(wire: Messages.SideReport) throws(VaultError) {
        self.init(
            protection: try RegistryIdentifier(wire: wire.protection, "SideReport.protection"),
            generation: wire.generation, isActive: wire.active, cycle: wire.cycle)
    }
}

extension FailoverAdvance {
    fileprivate init(wire: AdvanceFailover) throws(VaultError) {
        let step: FailoverStep
        switch wire.step {
        case .begin: step = .begin
        case .retreat: step = .retreat
        case .activateTarget: step = .activateTarget
        case .pend: step = .pend
        case .changePoint: step = .changePoint
        case .commit: step = .commit
        case .cancel: step = .cancel
        case .reverse: step = .reverse
        case .unspecified, .UNRECOGNIZED:
            throw VaultError(
                .invalidArgument, "AdvanceFailover.step is not one of the steps that are known here.",
                remedy: "Name one of them.", facts: ["step": "\(wire.step.rawValue)"])
        }
        let run = try RegistryIdentifier(wire: wire.run, "AdvanceFailover.run")
        self.init(
            protection: wire.protection, expectedVersion: ExpectedVersion(wire: wire.expectedVersion),
            step: StepTaken(run: run, step: step, cycle: step.namesCycle ? wire.cycle : 0), reason: wire.reason)
    }
}

extension ProtectRequest {
    fileprivate init(wire: Protect) {
        self.init(
            guest: wire.guest, sourceHost: wire.sourceHost.unlessEmpty, targetCloud: wire.targetCloud.unlessEmpty,
            targetHost: wire.targetHost.unlessEmpty, policyOverride: wire.policyOverride)
    }
}

extension StateChangeRequest {
    fileprivate init(wire: ChangeState) throws(VaultError) {
        let state: RequestedState
        switch wire.state {
        case .enabling: state = .enabling
        case .seeding: state = .seeding
        case .protected: state = .protected
        case .paused: state = .paused
        case .resynchronizing: state = .resynchronizing
        case .disabling: state = .disabling
        case .failingOver: state = .failingOver
        case .commitPending: state = .commitPending
        case .committed: state = .committed
        case .reversing: state = .reversing
        case .unspecified, .UNRECOGNIZED:
            throw VaultError(
                .invalidArgument, "ChangeState.state is not one of the states that are known here.",
                remedy: "Name one of them.", facts: ["state": "\(wire.state.rawValue)"])
        }
        self.init(
            protection: wire.protection, expectedVersion: ExpectedVersion(wire: wire.expectedVersion), state: state,
            reason: wire.reason)
    }
}

extension RegistryIdentifier {
    init(wire: String, _ field: String) throws(VaultError) {
        guard let identifier = RegistryIdentifier(wire) else {
            throw VaultError(
                .invalidArgument, "\(field) is \(TextRule.quoted(wire)), which is not a UUID.",
                remedy: "Give 36 characters, such as 8a6e0804-2bd0-4672-b79d-d97027f9071a.")
        }
        self = identifier
    }
}

extension String {
    /// The protocol writes "not given" as an empty text.
    fileprivate var unlessEmpty: String? { isEmpty ? nil : self }
}
