@testable import Policy

/// The vault's registry as far as the policy service sees it.
struct SimulatedVault {
    private(set) var entries: [ProtectionIdentifier: ProtectionEntry] = [:]
    private(set) var hosts: [HostEntry] = []
    private(set) var pairs: [PairEntry] = []
    private(set) var number: UInt64 = 0

    var snapshot: RegistrySnapshot {
        RegistrySnapshot(
            position: RegistryPosition(epoch: [1], number: number), hosts: hosts, pairs: pairs,
            protections: entries.values.sorted { $0.id < $1.id })
    }

    mutating func set(hosts: [HostEntry], pairs: [PairEntry]) {
        self.hosts = hosts
        self.pairs = pairs
    }

    mutating func put(_ entry: ProtectionEntry) -> RegistryChange {
        entries[entry.id] = entry
        number += 1
        return .protection(entry)
    }

    mutating func change(
        _ id: ProtectionIdentifier, to state: ProtectionEntry.State, reason: String
    ) -> RegistryChange? {
        guard var entry = entries[id] else { return nil }
        entry.state = state
        entry.stateReason = reason
        entry.version += 1
        return put(entry)
    }

    /// A step of a run.
    mutating func advance(
        _ id: ProtectionIdentifier, _ step: (inout ProtectionEntry) -> Void
    ) -> RegistryChange? {
        guard var entry = entries[id] else { return nil }
        step(&entry)
        entry.version += 1
        return put(entry)
    }

    mutating func handle(_ call: VaultCall) -> (Result<ProtectionEntry?, PolicyError>, RegistryChange?) {
        guard let entry = entries[call.protection] else {
            return (.failure(PolicyError(.notFound, "no such protection")), nil)
        }
        switch call {
        case .changeState(let id, let version, let state, let reason):
            guard version == entry.version else { return (.failure(PolicyError(.conflict, "version")), nil) }
            guard Self.isLegal(entry.state, state) else {
                return (.failure(PolicyError(.failedPrecondition, "\(entry.state) to \(state)")), nil)
            }
            let change = change(id, to: state, reason: reason)
            return (.success(entries[id]), change)
        case .confirmUnprotected(let id, let version):
            guard version == entry.version else { return (.failure(PolicyError(.conflict, "version")), nil) }
            entries[id] = nil
            number += 1
            return (.success(nil), .protectionRemoved(id))
        }
    }

    private static func isLegal(_ from: ProtectionEntry.State, _ to: ProtectionEntry.State) -> Bool {
        switch (from, to) {
        case (.enabling, .seeding), (.seeding, .protected), (.protected, .resynchronizing),
            (.resynchronizing, .protected), (.reversing, .protected):
            true
        case (_, _):
            false
        }
    }
}
