/// Where a protection is in its life. The legal changes are in `Vault.docc/Overview.md`, "Protection states".
enum ProtectionState: Hashable, Sendable {
    /// Asked for; nothing was copied.
    case enabling
    /// The first copy is being made; there is no recovery point yet.
    case seeding
    case protected
    /// Cycles stand still. `resumingTo` is where it goes on: a pause during the first copy ends in the first copy.
    case paused(resumingTo: ActiveState)
    /// Both sides are compared by hash, because the checkpoint cannot be trusted or an operator asked.
    case resynchronizing
    /// Unprotect was asked for; source and target are being cleaned.
    case disabling(ReplicaFate)
    /// A run of the orchestrator holds it.
    case failingOver
    /// The replica runs at the target; its point may still be changed.
    case commitPending
    /// The replica runs at the target for good; nothing is replicated.
    case committed
    /// Source and target have changed places; the first cycle back is being made.
    case reversing

    /// A state in which cycles run.
    enum ActiveState: String, Hashable, CaseIterable, Sendable {
        case enabling, seeding, protected, resynchronizing, reversing
    }

    /// What becomes of the replica directory on the target host.
    enum ReplicaFate: String, Hashable, CaseIterable, Sendable {
        case delete, keep
    }

    /// Every value, for tables over all of them.
    static let all: [ProtectionState] =
        [.enabling, .seeding, .protected, .resynchronizing, .failingOver, .commitPending, .committed, .reversing]
        + ActiveState.allCases.map { .paused(resumingTo: $0) }
        + ReplicaFate.allCases.map { .disabling($0) }

    init(_ active: ActiveState) {
        switch active {
        case .enabling: self = .enabling
        case .seeding: self = .seeding
        case .protected: self = .protected
        case .resynchronizing: self = .resynchronizing
        case .reversing: self = .reversing
        }
    }

    /// The word that operators see.
    var word: String {
        switch self {
        case .enabling: "enabling"
        case .seeding: "seeding"
        case .protected: "protected"
        case .paused: "paused"
        case .resynchronizing: "resynchronizing"
        case .disabling: "disabling"
        case .failingOver: "failing over"
        case .commitPending: "commit pending"
        case .committed: "committed"
        case .reversing: "reversing"
        }
    }

    /// Nothing but its end is to come.
    var isDisabling: Bool {
        switch self {
        case .disabling: true
        case .enabling, .seeding, .protected, .paused, .resynchronizing, .failingOver, .commitPending, .committed,
            .reversing:
            false
        }
    }

    /// Before the first recovery point is committed, the target holds less than it will need.
    var awaitsFirstPoint: Bool {
        switch self {
        case .enabling, .seeding, .paused(resumingTo: .enabling), .paused(resumingTo: .seeding): true
        case .protected, .resynchronizing, .paused(resumingTo: .protected), .paused(resumingTo: .resynchronizing),
            .disabling, .failingOver, .commitPending, .committed, .reversing, .paused(resumingTo: .reversing):
            false
        }
    }

    /// Which sides can be active here. The target runs the guest only between a failover and its reverse; what is
    /// unprotected keeps the side that it had.
    var possibleSides: Set<ActiveSide> {
        switch self {
        case .enabling, .seeding, .protected, .paused, .resynchronizing, .reversing: [.source]
        case .commitPending, .committed: [.target]
        case .failingOver, .disabling: [.source, .target]
        }
    }
}
