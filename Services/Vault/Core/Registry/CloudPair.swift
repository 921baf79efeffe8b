/// Source cloud → target cloud: carries the policy and the placement of every guest protected between them.
struct CloudPair: Hashable, Sendable {
    struct Key: Hashable, Comparable, Sendable {
        var sourceCloud: String
        var targetCloud: String

        static func < (left: Self, right: Self) -> Bool {
            (left.sourceCloud, left.targetCloud) < (right.sourceCloud, right.targetCloud)
        }
    }

    var key: Key
    /// Name of a policy of the policy service; empty: that service's own, `default`.
    var policy: String
    var coverage: Coverage
    /// What the side that is not active does with a guest that runs all the same. It holds in both directions.
    var fenceAction = FenceAction.alarm
    /// From the source cloud to the target cloud; read backwards for protections in reverse.
    var networks: [NetworkMapping] = []

    /// Which guests of the source cloud are protected without being named one by one.
    enum Coverage: String, Hashable, CaseIterable, Sendable {
        /// Only guests that were named.
        case named
        /// Only guests that were named until `protect --cloud` is asked for; then as `wholeCloud`.
        case namedThenAutomatic
        /// `protect --cloud` was asked for; guests that appear later are listed as unprotected.
        case presentGuests
        /// `protect --cloud` was asked for; guests that appear later are protected by themselves.
        case wholeCloud
    }
}

extension CloudPair.Coverage {
    init(protectsAll: Bool, protectsLaterGuests: Bool) {
        switch (protectsAll, protectsLaterGuests) {
        case (false, false): self = .named
        case (false, true): self = .namedThenAutomatic
        case (true, false): self = .presentGuests
        case (true, true): self = .wholeCloud
        }
    }

    var protectsAll: Bool { self == .presentGuests || self == .wholeCloud }
    var protectsLaterGuests: Bool { self == .namedThenAutomatic || self == .wholeCloud }
}

/// What the agent of the side that is not active does when its guest runs all the same.
enum FenceAction: String, Hashable, CaseIterable, Sendable {
    case alarm, disconnect, shutDown
}

/// What a network device is connected to at the other site, by the name of what it is connected to at this one.
struct NetworkMapping: Hashable, Codable, Sendable {
    var source: String
    /// Empty: its link is down.
    var target: String
    /// For test failovers; empty: its link is down.
    var testTarget: String

    /// What it takes of a snapshot, rounded up.
    var estimatedBytes: Int { source.utf8.count + target.utf8.count + testTarget.utf8.count + 16 }
}
