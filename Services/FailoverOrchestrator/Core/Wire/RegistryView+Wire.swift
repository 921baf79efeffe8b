import Messages
import SwiftProtobuf

extension RegistryView {
    init(wire: Messages.Snapshot) {
        self.init(
            hosts: wire.hosts.map { HostEntry(wire: $0) }, pairs: wire.pairs.map { PairEntry(wire: $0) },
            guests: wire.guests.map {
                GuestEntry(uuid: $0.uuid, host: $0.hostID, memoryBytes: $0.memoryBytes)
            },
            protections: wire.protections.compactMap { ProtectionEntry(wire: $0) })
    }
}

extension ProtectionEntry {
    /// Nil: it is in a state that only a newer vault knows, and is left alone.
    init?(wire: Messages.Protection) {
        guard let state = ProtectionState(wire: wire.state), !wire.id.isEmpty else { return nil }
        self.init(
            id: wire.id.lowercased(), guestUUID: wire.guestUuid, guestName: wire.guestName,
            sourceHost: wire.sourceHostID, targetHost: wire.targetHostID, sourceCloud: wire.sourceCloud,
            targetCloud: wire.targetCloud, state: state, isReversed: wire.direction == .reverse,
            generation: wire.generation, version: wire.version, policyOverride: wire.policyOverride,
            activeSide: wire.activeSide == .target ? .target : .source, run: wire.run.lowercased(),
            failoverCycle: wire.failoverCycle)
    }
}

extension ProtectionState {
    init?(wire: Messages.ProtectionState) {
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
        case .unspecified, .UNRECOGNIZED: return nil
        }
    }
}

extension HostEntry {
    init(wire: Messages.Host) {
        self.init(
            id: wire.id, name: wire.name, endpoint: wire.controlEndpoint, isReachable: wire.reachable,
            memoryFreeBytes: wire.capacity.memoryFreeBytes)
    }
}

extension PairEntry {
    init(wire: Messages.CloudPair) {
        self.init(
            sourceCloud: wire.sourceCloud, targetCloud: wire.targetCloud,
            // The policy service's own, which goes by this name.
            policy: wire.policy.isEmpty ? "default" : wire.policy,
            fenceAction: FenceAction(wire: wire.fenceAction),
            networks: wire.networks.map {
                NetworkLink(source: $0.source, target: $0.target, testTarget: $0.testTarget)
            })
    }
}

extension NetworkLink {
    var wire: Messages.NetworkMapping {
        .with {
            $0.source = source
            $0.target = target
            $0.testTarget = testTarget
        }
    }
}

extension FenceAction {
    /// Unspecified is the mildest, as the protocol says of a pair.
    init(wire: Messages.FenceAction) {
        switch wire {
        case .disconnect: self = .disconnect
        case .shutDown: self = .shutDown
        case .alarm, .unspecified, .UNRECOGNIZED: self = .alarm
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

extension WhenShutdownFails {
    /// Nil: unspecified.
    init?(wire: Messages.WhenShutdownFails) {
        switch wire {
        case .stop: self = .stop
        case .destroy: self = .destroy
        case .unspecified, .UNRECOGNIZED: return nil
        }
    }

    var wire: Messages.WhenShutdownFails {
        switch self {
        case .stop: .stop
        case .destroy: .destroy
        }
    }
}
