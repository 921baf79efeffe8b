/// This service's own copy of the vault's registry. It is stored, so that replication goes on while the vault is away,
/// also over a restart.
///
/// A snapshot is turned into the changes that lead to it, so that a missed event, a new epoch and the first contact all
/// take the one path that every change takes.
struct RegistryCopy: Hashable, Sendable {
    private(set) var clouds: [String: CloudEntry] = [:]
    private(set) var hosts: [String: HostEntry] = [:]
    private(set) var pairs: [PairEntry.Key: PairEntry] = [:]
    private(set) var protections: [ProtectionIdentifier: ProtectionEntry] = [:]

    /// The changes that lead from this copy to the snapshot. Of a protection that is known at a newer version here, the
    /// snapshot is the older word and is left out: it was taken before the change that this service made itself.
    func changes(to snapshot: RegistrySnapshot, sameEpoch: Bool) -> [RegistryChange] {
        var changes: [RegistryChange] = []
        let cloudNames = Set(snapshot.clouds.map(\.name))
        let hostIdentifiers = Set(snapshot.hosts.map(\.id))
        let pairKeys = Set(snapshot.pairs.map(\.key))
        let protectionIdentifiers = Set(snapshot.protections.map(\.id))
        changes += snapshot.clouds.filter { clouds[$0.name] != $0 }.map { .cloud($0) }
        changes += snapshot.hosts.filter { hosts[$0.id] != $0 }.map { .host($0) }
        changes += snapshot.pairs.filter { pairs[$0.key] != $0 }.map { .pair($0) }
        changes += snapshot.protections.filter { entry in
            guard let known = protections[entry.id] else { return true }
            return known != entry && (!sameEpoch || known.version <= entry.version)
        }.map { .protection($0) }
        changes += protections.keys.filter { !protectionIdentifiers.contains($0) }.sorted().map {
            .protectionRemoved($0)
        }
        changes += pairs.keys.filter { !pairKeys.contains($0) }
            .sorted { ($0.sourceCloud, $0.targetCloud) < ($1.sourceCloud, $1.targetCloud) }
            .map { .pairRemoved($0) }
        changes += hosts.keys.filter { !hostIdentifiers.contains($0) }.sorted().map { .hostRemoved(id: $0) }
        changes += clouds.keys.filter { !cloudNames.contains($0) }.sorted().map { .cloudRemoved(name: $0) }
        return changes
    }

    /// - Returns: whether the copy is another one now; a repeated or older change leaves it as it is.
    mutating func apply(_ change: RegistryChange, sameEpoch: Bool = true) -> Bool {
        let before = self
        switch change {
        case .cloud(let cloud):
            clouds[cloud.name] = cloud
        case .cloudRemoved(let name):
            clouds[name] = nil
        case .host(let host):
            hosts[host.id] = host
        case .hostRemoved(let id):
            hosts[id] = nil
        case .pair(let pair):
            pairs[pair.key] = pair
        case .pairRemoved(let key):
            pairs[key] = nil
        case .protection(let entry):
            if sameEpoch, let known = protections[entry.id], known.version > entry.version { return false }
            protections[entry.id] = entry
        case .protectionRemoved(let id):
            protections[id] = nil
        }
        return self != before
    }

    /// The name of the policy that applies; empty when the pair of clouds is not known here.
    func policyName(for entry: ProtectionEntry) -> String {
        guard entry.policyOverride.isEmpty else { return entry.policyOverride }
        return pairs[entry.pair]?.policyName ?? ""
    }

    func hostName(_ id: String) -> String { hosts[id]?.name ?? id }

    /// The sites between which it is replicated. A cloud that is not known counts as a site of its own.
    func sites(of entry: ProtectionEntry) -> SitePair {
        SitePair(
            clouds[entry.sourceCloud]?.site ?? entry.sourceCloud, clouds[entry.targetCloud]?.site ?? entry.targetCloud)
    }

    /// Where a policy is used, for people; empty when nowhere.
    func uses(ofPolicy name: String) -> [String] {
        let bound = pairs.values.filter { $0.policyName == name }
            .map { "clouds \($0.key.sourceCloud) → \($0.key.targetCloud)" }
        let overrides = protections.values.filter { $0.policyOverride == name }.map { "guest \($0.guestName)" }
        return bound.sorted() + overrides.sorted()
    }
}
