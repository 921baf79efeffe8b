import FoundationEssentials
import Messages
import SwiftProtobuf

extension ProtectionEntry {
    /// nil: it is in a state that only a newer vault knows, and is left alone. Throws where it says what no vault can mean.
    init?(wire: Messages.Protection) throws {
        guard let state = State(wire: wire.state), let direction = Direction(wire: wire.direction),
            let side = Side(wire: wire.activeSide), !wire.id.isEmpty
        else { return nil }
        guard !wire.sourceHostID.isEmpty, !wire.targetHostID.isEmpty,
            (1...RequiredField.generationMaximum).contains(wire.generation)
        else {
            throw PolicyError(
                .internal,
                "The vault says of protection \(wire.id.prefix(64)) that its hosts are \"\(wire.sourceHostID.prefix(64))\" and "
                    + "\"\(wire.targetHostID.prefix(64))\", generation \(wire.generation), which cannot be.",
                remedy: "Compare the versions of the policy service and of the vault.")
        }
        self.init(
            id: ProtectionIdentifier(wire.id), guestUUID: wire.guestUuid, guestName: wire.guestName,
            sourceHost: wire.sourceHostID, targetHost: wire.targetHostID, sourceCloud: wire.sourceCloud,
            targetCloud: wire.targetCloud, state: state, generation: wire.generation, version: wire.version,
            policyOverride: wire.policyOverride, stateReason: wire.stateReason, keepReplica: wire.keepReplica,
            direction: direction, activeSide: side, run: wire.run, failoverCycle: wire.failoverCycle, alarm: wire.alarm)
    }
}

extension CloudEntry {
    init(wire: Messages.Cloud) { self.init(name: wire.name, site: wire.site) }
}

extension HostEntry {
    init(wire: Messages.Host) { self.init(id: wire.id, name: wire.name, controlEndpoint: wire.controlEndpoint) }
}

extension PairEntry {
    init(wire: Messages.CloudPair) {
        self.init(
            key: Key(sourceCloud: wire.sourceCloud, targetCloud: wire.targetCloud), policy: wire.policy)
    }
}

extension RegistrySnapshot {
    init(wire: Messages.Snapshot) throws {
        self.init(
            position: RegistryPosition(epoch: [UInt8](wire.epoch), number: wire.eventNumber),
            clouds: wire.clouds.map { CloudEntry(wire: $0) }, hosts: wire.hosts.map { HostEntry(wire: $0) },
            pairs: wire.pairs.map { PairEntry(wire: $0) },
            protections: try wire.protections.compactMap { try ProtectionEntry(wire: $0) })
    }
}

extension RegistryChange {
    /// nil: nothing that this service keeps.
    init?(wire: Messages.VaultEvent) throws {
        switch wire.change {
        case .cloud(let cloud): self = .cloud(CloudEntry(wire: cloud))
        case .cloudRemoved(let name): self = .cloudRemoved(name: name)
        case .host(let host): self = .host(HostEntry(wire: host))
        case .hostRemoved(let id): self = .hostRemoved(id: id)
        case .pair(let pair): self = .pair(PairEntry(wire: pair))
        case .pairRemoved(let pair): self = .pairRemoved(PairEntry(wire: pair).key)
        case .protection(let protection):
            guard let entry = try ProtectionEntry(wire: protection) else { return nil }
            self = .protection(entry)
        case .protectionRemoved(let id): self = .protectionRemoved(ProtectionIdentifier(id))
        case .site, .siteRemoved, .guest, .guestRemoved, nil: return nil
        }
    }
}

extension VaultCall {
    /// Reads the answer to this request: the protection as it is after the change. Nil when the request ended it, and when
    /// it is in a state that this version does not know, because snapshots and events leave such a one out, too.
    func answer(_ reply: Messages.VaultReply.OneOf_Reply) throws -> ProtectionEntry? {
        switch (self, reply) {
        case (.changeState, .protection(let protection)):
            return try ProtectionEntry(wire: protection)
        case (.confirmUnprotected, .done), (.confirmUnprotected, .protection):
            return nil
        case (_, _):
            throw PolicyError(
                .internal, "The vault answered with something else than was asked.",
                remedy: "Compare the versions of the policy service and of the vault.")
        }
    }

    var request: Messages.VaultRequest.OneOf_Request {
        switch self {
        case .changeState(let id, let version, let state, let reason):
            .changeState(
                .with {
                    $0.protection = id.text
                    $0.expectedVersion = version
                    $0.state = state.wire
                    $0.reason = reason
                })
        case .confirmUnprotected(let id, let version):
            .confirmUnprotected(
                .with {
                    $0.protection = id.text
                    $0.expectedVersion = version
                })
        }
    }
}
