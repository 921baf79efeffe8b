/// What a run wants to know of the vault's registry, as one snapshot says it.
struct RegistryView: Hashable, Sendable {
    var hosts: [HostEntry] = []
    var pairs: [PairEntry] = []
    var guests: [GuestEntry] = []
    var protections: [ProtectionEntry] = []

    /// Nil when the vault knows no such host, because one may be removed while a run that names it goes on.
    func host(_ id: String) -> HostEntry? { hosts.first { $0.id == id } }

    /// The pair of clouds that a protection's present direction goes along, with its networks as seen from the present
    /// source: a reversed protection goes back along the pair that it came by, unless a pair of its own names networks.
    /// Nil when neither is there, because a pair may be removed after guests were protected along it.
    func pair(of protection: ProtectionEntry) -> PairEntry? {
        let along = pairs.first {
            $0.sourceCloud == protection.sourceCloud && $0.targetCloud == protection.targetCloud
        }
        if let along, !along.networks.isEmpty { return along }
        let against = pairs.first {
            $0.sourceCloud == protection.targetCloud && $0.targetCloud == protection.sourceCloud
        }
        guard let against else { return along }
        return along.map { pair in
            var pair = pair
            pair.networks = against.reversed.networks
            return pair
        } ?? against.reversed
    }

    /// The protection that an operator means by its id, or by its guest's name or UUID when only one matches.
    func protection(named name: String) throws(OrchestratorError) -> ProtectionEntry {
        let lowercased = name.lowercased()
        if let found = protections.first(where: { $0.id == lowercased }) { return found }
        let matching = protections.filter { $0.guestName == name || $0.guestUUID.lowercased() == lowercased }
        guard let found = matching.first else {
            throw OrchestratorError(
                .notFound, "No protection of “\(name.prefix(64))” is known to the vault.",
                remedy: "List the protections with “bascule status”.")
        }
        guard matching.count == 1 else {
            throw OrchestratorError(
                .invalidArgument, "“\(name.prefix(64))” names \(matching.count) protections.",
                remedy: "Give the protection's id: \(matching.map(\.id).sorted().joined(separator: ", ")).")
        }
        return found
    }
}

/// A host of the registry.
struct HostEntry: Hashable, Sendable, Codable {
    var id: String
    var name: String
    var endpoint: String
    /// The vault hears from its agent.
    var isReachable: Bool
    /// 0: not known.
    var memoryFreeBytes: UInt64
}

/// Source cloud → target cloud.
struct PairEntry: Hashable, Sendable {
    var sourceCloud: String
    var targetCloud: String
    var policy: String
    var fenceAction: FenceAction
    var networks: [NetworkLink]

    /// The same pair looked at from its target. Its test networks are the target's own, so none lead back.
    var reversed: PairEntry {
        var pair = self
        pair.sourceCloud = targetCloud
        pair.targetCloud = sourceCloud
        pair.networks = networks.filter { !$0.target.isEmpty }.map { NetworkLink(source: $0.target, target: $0.source) }
        return pair
    }
}

/// What one network of the source is connected to at the target.
struct NetworkLink: Hashable, Sendable, Codable {
    var source: String
    /// Empty: link down.
    var target: String
    /// Empty: link down.
    var testTarget = ""
}

/// A guest of the inventory.
struct GuestEntry: Hashable, Sendable {
    var uuid: String
    var host: String
    var memoryBytes: UInt64
}

/// One guest's protection.
struct ProtectionEntry: Hashable, Sendable {
    var id: String
    var guestUUID: String
    var guestName: String
    var sourceHost: String
    var targetHost: String
    var sourceCloud: String
    var targetCloud: String
    var state: ProtectionState
    var isReversed: Bool
    var generation: UInt64
    var version: UInt64
    var policyOverride: String
    var activeSide: Side
    /// The run that holds it; empty: none.
    var run: String
    /// The point that the target's guest was started from; 0: none.
    var failoverCycle: UInt64
}

/// As the vault calls them; see Protocol.md, "Protection states".
enum ProtectionState: String, Hashable, Sendable, Codable, CaseIterable {
    case enabling, seeding, protected, paused, resynchronizing, disabling, failingOver, commitPending, committed
    case reversing

    /// For people.
    var words: String {
        switch self {
        case .failingOver: "failing over"
        case .commitPending: "commit pending"
        case .enabling, .seeding, .protected, .paused, .resynchronizing, .disabling, .committed, .reversing: rawValue
        }
    }
}

/// One of the two hosts of a protection, by what it is when a run begins.
enum Side: String, Hashable, Sendable, Codable, CaseIterable { case source, target }

/// What the agent of a side that lost does when its guest runs all the same.
enum FenceAction: String, Hashable, Sendable, Codable, CaseIterable { case alarm, disconnect, shutDown }

/// A planned failover whose guest does not shut down in time.
enum WhenShutdownFails: String, Hashable, Sendable, Codable, CaseIterable { case stop, destroy }
