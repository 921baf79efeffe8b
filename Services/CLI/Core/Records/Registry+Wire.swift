package import Messages

extension Registry {
    package init(wire snapshot: Snapshot) {
        sites = snapshot.sites.map { Site(name: $0.name) }.sorted { $0.name < $1.name }
        clouds = snapshot.clouds.map { Cloud(name: $0.name, site: $0.site) }.sorted { $0.name < $1.name }
        pairs = snapshot.pairs.map(Pair.init(wire:)).sorted { ($0.source, $0.target) < ($1.source, $1.target) }
        hosts = snapshot.hosts.map(Host.init(wire:)).sorted { $0.name < $1.name }
        guests = snapshot.guests.map(Guest.init(wire:)).sorted { $0.name < $1.name }
        protections = snapshot.protections.map(Protection.init(wire:)).sorted { $0.guest < $1.guest }
    }
}

extension Registry.Pair {
    package init(wire: CloudPair) {
        self.init(
            source: wire.sourceCloud, target: wire.targetCloud, policy: wire.policy, autoProtect: wire.autoProtect,
            protectAll: wire.protectAll, fence: Registry.Fence(wire: wire.fenceAction),
            networks: wire.networks.map(Registry.Network.init(wire:)))
    }

    package var wire: CloudPair {
        var pair = CloudPair()
        pair.sourceCloud = source
        pair.targetCloud = target
        pair.policy = policy
        pair.autoProtect = autoProtect
        pair.protectAll = protectAll
        pair.fenceAction = fence.wire
        pair.networks = networks.map(\.wire)
        return pair
    }
}

extension Registry.Host {
    package init(wire: Messages.Host) {
        self.init(
            id: wire.id, name: wire.name, cloud: wire.cloud, endpoint: wire.controlEndpoint,
            agentVersion: wire.agentVersion, hypervisor: wire.hypervisorUri, reachable: wire.reachable,
            lastSeenUnixMilliseconds: wire.lastSeenUnixMs, memoryBytes: wire.capacity.memoryBytes,
            memoryFreeBytes: wire.capacity.memoryFreeBytes, replicaBytes: wire.capacity.replicaBytes,
            replicaFreeBytes: wire.capacity.replicaFreeBytes)
    }
}

extension Registry.Guest {
    package init(wire: Guest) {
        self.init(
            uuid: wire.uuid, name: wire.name, hostID: wire.hostID, power: Registry.Power(wire: wire.power),
            memoryBytes: wire.memoryBytes, virtualCPUs: wire.virtualCpus,
            disks: wire.disks.map(Registry.Disk.init(wire:)), findings: wire.findings.map(Registry.Finding.init(wire:)),
            guestAgent: wire.guestAgent)
    }
}

extension Registry.Disk {
    package init(wire: Disk) {
        self.init(target: wire.target, sizeBytes: wire.sizeBytes, format: wire.format, source: wire.source)
    }
}

extension Registry.Finding {
    package init(wire: Finding) {
        self.init(
            rule: wire.rule, subject: wire.subject, message: wire.message, remedy: wire.remedy, blocking: wire.blocking)
    }
}

extension Registry.Power {
    package init(wire: PowerState) {
        switch wire {
        case .running: self = .running
        case .paused: self = .paused
        case .shutOff: self = .shutOff
        case .crashed: self = .crashed
        case .unspecified, .UNRECOGNIZED: self = .unknown
        }
    }
}

extension Registry.State {
    package init(wire: ProtectionState) {
        switch wire {
        case .enabling: self = .enabling
        case .seeding: self = .seeding
        case .protected: self = .protected
        case .paused: self = .paused
        case .resynchronizing: self = .resynchronizing
        case .disabling: self = .disabling
        case .failingOver: self = .failingOver
        case .commitPending: self = .commitPending
        case .committed: self = .committed
        case .reversing: self = .reversing
        case .unspecified, .UNRECOGNIZED: self = .unknown
        }
    }

    /// `unknown` is what a newer vault may say; nobody asks for it.
    package var wire: ProtectionState {
        switch self {
        case .enabling: .enabling
        case .seeding: .seeding
        case .protected: .protected
        case .paused: .paused
        case .resynchronizing: .resynchronizing
        case .disabling: .disabling
        case .failingOver: .failingOver
        case .commitPending: .commitPending
        case .committed: .committed
        case .reversing: .reversing
        case .unknown: .unspecified
        }
    }
}

extension Registry.Protection {
    package init(wire: Protection) {
        self.init(
            id: wire.id, guest: wire.guestName, guestUUID: wire.guestUuid, sourceHost: wire.sourceHostID,
            targetHost: wire.targetHostID, sourceCloud: wire.sourceCloud, targetCloud: wire.targetCloud,
            state: Registry.State(wire: wire.state), stateReason: wire.stateReason,
            reversed: wire.direction == .reverse,
            generation: wire.generation, version: wire.version, policyOverride: wire.policyOverride,
            createdUnixMilliseconds: wire.createdUnixMs,
            activeSide: Registry.Side(wire: wire.activeSide), run: wire.run, failoverCycle: wire.failoverCycle,
            alarm: wire.alarm)
    }
}
