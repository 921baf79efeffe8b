/// A protection's identifier: the vault's UUID, as text.
struct ProtectionIdentifier: Hashable, Comparable, Sendable, CustomStringConvertible {
    let text: String

    init(_ text: String) { self.text = text }

    var description: String { text }

    static func < (left: ProtectionIdentifier, right: ProtectionIdentifier) -> Bool { left.text < right.text }
}

/// What the policy service knows of one protection in the vault's registry.
struct ProtectionEntry: Hashable, Sendable {
    enum State: String, Sendable, CaseIterable {
        case enabling, seeding, protected, paused, resynchronizing, disabling
        case failingOver, commitPending, committed, reversing
    }

    enum Direction: String, Sendable, CaseIterable {
        case forward, reverse
    }

    /// Whose guest may run, and be replicated from.
    enum Side: String, Sendable, CaseIterable {
        case source, target
    }

    var id: ProtectionIdentifier
    var guestUUID: String
    var guestName: String
    var sourceHost: String
    var targetHost: String
    var sourceCloud: String
    var targetCloud: String
    var state: State
    var generation: UInt64
    /// Rises with every change; the vault compares it before it changes a state.
    var version: UInt64
    /// Empty: the pair's policy.
    var policyOverride: String
    var stateReason: String
    var keepReplica: Bool
    var direction = Direction.forward
    var activeSide = Side.source
    /// The run of the orchestrator that holds it; empty: none.
    var run = ""
    /// The point that the target's guest was started from; 0: none.
    var failoverCycle: UInt64 = 0
    /// The vault's sentence while both sides run the guest; empty: nothing is wrong.
    var alarm = ""

    /// The pair of clouds that it was made under, which carries its policy in both directions.
    var pair: PairEntry.Key {
        switch direction {
        case .forward: PairEntry.Key(sourceCloud: sourceCloud, targetCloud: targetCloud)
        case .reverse: PairEntry.Key(sourceCloud: targetCloud, targetCloud: sourceCloud)
        }
    }

    var activeHost: String {
        switch activeSide {
        case .source: sourceHost
        case .target: targetHost
        }
    }
}

extension ProtectionEntry {
    /// As much as an open cycle's record tells of a protection that the registry no longer lists.
    init(leftBehindBy record: CycleRecord) {
        self.init(
            id: record.protection, guestUUID: record.guestUUID, guestName: "", sourceHost: record.sourceHost,
            targetHost: record.targetHost, sourceCloud: "", targetCloud: "", state: .protected,
            generation: record.generation, version: record.registryVersion, policyOverride: "", stateReason: "",
            keepReplica: false)
    }
}

/// A host as far as it must be reached.
struct HostEntry: Hashable, Sendable {
    var id: String
    var name: String
    var controlEndpoint: String
}

/// A cloud, as far as it says where its hosts are.
struct CloudEntry: Hashable, Sendable {
    var name: String
    var site: String
}

/// A pair of clouds and the policy bound to it.
struct PairEntry: Hashable, Sendable {
    struct Key: Hashable, Sendable {
        var sourceCloud: String
        var targetCloud: String
    }

    var key: Key
    /// As the vault has it; empty: this service's default.
    var policy: String

    var policyName: String { policy.isEmpty ? PolicySettings.builtIn.name : policy }
}
