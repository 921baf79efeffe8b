internal import FoundationEssentials
internal import Messages
internal import SwiftProtobuf

// What the registry holds, as snapshots, events and answers carry it, and what agents report.

extension Site {
    var wire: Messages.Site {
        .with { $0.name = name }
    }
}

extension Cloud {
    var wire: Messages.Cloud {
        .with {
            $0.name = name
            $0.site = site
        }
    }
}

extension CloudPair {
    init(wire: Messages.CloudPair) throws(VaultError) {
        self.init(
            key: Key(sourceCloud: wire.sourceCloud, targetCloud: wire.targetCloud), policy: wire.policy,
            coverage: Coverage(protectsAll: wire.protectAll, protectsLaterGuests: wire.autoProtect),
            fenceAction: try FenceAction(wire: wire.fenceAction),
            networks: wire.networks.map(NetworkMapping.init(wire:)))
    }

    var wire: Messages.CloudPair {
        var pair = key.wire
        pair.policy = policy
        pair.autoProtect = coverage.protectsLaterGuests
        pair.protectAll = coverage.protectsAll
        pair.fenceAction = fenceAction.wire
        pair.networks = networks.map(\.wire)
        return pair
    }
}

extension FenceAction {
    /// Who does not choose is alarmed, which harms no guest.
    init(wire: Messages.FenceAction) throws(VaultError) {
        switch wire {
        case .unspecified, .alarm: self = .alarm
        case .disconnect: self = .disconnect
        case .shutDown: self = .shutDown
        case .UNRECOGNIZED(let value):
            throw VaultError(
                .invalidArgument, "CloudPair.fence_action is not one of the actions that are known here.",
                remedy: "Name one of bascule.v1.FenceAction.", facts: ["fence_action": "\(value)"])
        }
    }

    var wire: Messages.FenceAction {
        switch self {
        case .alarm: .alarm
        case .disconnect: .disconnect
        case .shutDown: .shutDown
        }
    }
}

extension NetworkMapping {
    fileprivate init(wire: Messages.NetworkMapping) {
        self.init(source: wire.source, target: wire.target, testTarget: wire.testTarget)
    }

    fileprivate var wire: Messages.NetworkMapping {
        .with {
            $0.source = source
            $0.target = target
            $0.testTarget = testTarget
        }
    }
}

extension CloudPair.Key {
    var wire: Messages.CloudPair {
        .with {
            $0.sourceCloud = sourceCloud
            $0.targetCloud = targetCloud
        }
    }
}

extension HostCapacity {
    init(wire: Messages.HostCapacity) {
        self.init(
            memoryBytes: wire.memoryBytes, memoryFreeBytes: wire.memoryFreeBytes, replicaBytes: wire.replicaBytes,
            replicaFreeBytes: wire.replicaFreeBytes)
    }

    var wire: Messages.HostCapacity {
        .with {
            $0.memoryBytes = memoryBytes
            $0.memoryFreeBytes = memoryFreeBytes
            $0.replicaBytes = replicaBytes
            $0.replicaFreeBytes = replicaFreeBytes
        }
    }
}

extension Host {
    var wire: Messages.Host {
        .with {
            $0.id = id.text
            $0.name = name
            $0.cloud = cloud
            $0.controlEndpoint = controlEndpoint
            $0.agentVersion = agentVersion
            $0.hypervisorUri = hypervisorURI
            $0.capacity = capacity.wire
            $0.reachable = contact.isReachable
            $0.lastSeenUnixMs = contact.lastSeenUnixMilliseconds
            $0.incarnation = incarnation
        }
    }
}

extension Guest {
    init(wire: Messages.Guest, reportedBy host: RegistryIdentifier) throws(VaultError) {
        let power: GuestPower
        switch wire.power {
        case .running: power = .running
        case .paused: power = .paused
        case .shutOff: power = .shutOff
        case .crashed: power = .crashed
        case .unspecified, .UNRECOGNIZED:
            throw VaultError(
                .invalidArgument,
                "The power state of guest \(TextRule.quoted(wire.name)) is not one that is known here.",
                remedy: "Report one of the states of bascule.v1.PowerState.", facts: ["power": "\(wire.power.rawValue)"]
            )
        }
        self.init(
            key: Key(
                hostID: wire.hostID.isEmpty ? host : try RegistryIdentifier(wire: wire.hostID, "Guest.host_id"),
                uuid: try RegistryIdentifier(wire: wire.uuid, "Guest.uuid")),
            name: wire.name, power: power, memoryBytes: wire.memoryBytes, virtualCPUs: wire.virtualCpus,
            disks: wire.disks.map(GuestDisk.init(wire:)), findings: wire.findings.map(GuestFinding.init(wire:)),
            hasGuestAgent: wire.guestAgent, definitionDigest: [UInt8](wire.definitionDigest))
    }

    var wire: Messages.Guest {
        .with {
            $0.uuid = key.uuid.text
            $0.name = name
            $0.hostID = key.hostID.text
            $0.power = power.wire
            $0.memoryBytes = memoryBytes
            $0.virtualCpus = virtualCPUs
            $0.disks = disks.map(\.wire)
            $0.findings = findings.map(\.wire)
            $0.guestAgent = hasGuestAgent
            $0.definitionDigest = Data(definitionDigest)
        }
    }
}

extension GuestPower {
    fileprivate var wire: PowerState {
        switch self {
        case .running: .running
        case .paused: .paused
        case .shutOff: .shutOff
        case .crashed: .crashed
        }
    }
}

extension GuestDisk {
    fileprivate init(wire: Disk) {
        self.init(target: wire.target, sizeBytes: wire.sizeBytes, format: wire.format, source: wire.source)
    }

    fileprivate var wire: Disk {
        .with {
            $0.target = target
            $0.sizeBytes = sizeBytes
            $0.format = format
            $0.source = source
        }
    }
}

extension GuestFinding {
    fileprivate init(wire: Finding) {
        self.init(
            rule: wire.rule, subject: wire.subject, message: wire.message, remedy: wire.remedy,
            isBlocking: wire.blocking)
    }

    fileprivate var wire: Finding {
        .with {
            $0.rule = rule
            $0.subject = subject
            $0.message = message
            $0.remedy = remedy
            $0.blocking = isBlocking
        }
    }
}
