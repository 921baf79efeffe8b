/// How a cycle finds what to send.
enum CycleKind: String, Hashable, Sendable, CaseIterable {
    /// Every allocated extent.
    case full
    /// What the checkpoint of the parent cycle says has changed.
    case incremental
    /// What differs by hash on both sides.
    case compare

    /// How long a capture of such a cycle lives without being kept alive.
    var keepMilliseconds: Int64 {
        switch self {
        case .incremental: PolicyLimits.captureKeepMilliseconds
        case .full, .compare: PolicyLimits.longCaptureKeepMilliseconds
        }
    }
}

enum Consistency: String, Hashable, Sendable, CaseIterable {
    case crash
    /// File systems were frozen at the capture instant.
    case application
}

/// What the next cycle has to be, and why where it is not an ordinary one.
enum CycleNeed: Hashable, Sendable {
    case full(reason: String)
    case incremental
    case compare(reason: String)

    var kind: CycleKind {
        switch self {
        case .full: .full
        case .incremental: .incremental
        case .compare: .compare
        }
    }

    var reason: String {
        switch self {
        case .full(let reason), .compare(let reason): reason
        case .incremental: ""
        }
    }

    init(kind: CycleKind, reason: String) {
        switch kind {
        case .full: self = .full(reason: reason)
        case .incremental: self = .incremental
        case .compare: self = .compare(reason: reason)
        }
    }
}
