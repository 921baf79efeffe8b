extension Bascule_V1_ErrorCode {
    /// The name on the wire without its prefix, for people and logs.
    package var name: String {
        switch self {
        case .unspecified: "UNSPECIFIED"
        case .invalidArgument: "INVALID_ARGUMENT"
        case .notFound: "NOT_FOUND"
        case .alreadyExists: "ALREADY_EXISTS"
        case .conflict: "CONFLICT"
        case .staleGeneration: "STALE_GENERATION"
        case .wrongParent: "WRONG_PARENT"
        case .failedPrecondition: "FAILED_PRECONDITION"
        case .resourceExhausted: "RESOURCE_EXHAUSTED"
        case .unavailable: "UNAVAILABLE"
        case .deadlineExceeded: "DEADLINE_EXCEEDED"
        case .unsupportedVersion: "UNSUPPORTED_VERSION"
        case .unimplemented: "UNIMPLEMENTED"
        case .corruptData: "CORRUPT_DATA"
        case .leaseLost: "LEASE_LOST"
        case .internal: "INTERNAL"
        case .UNRECOGNIZED(let number): "UNRECOGNIZED(\(number))"
        }
    }

    /// Whether repeating the same request later may help; Protocol.md, "Errors", gives the reasons.
    package var isUsuallyRetryable: Bool {
        switch self {
        case .resourceExhausted, .unavailable, .deadlineExceeded: true
        case .unspecified, .invalidArgument, .notFound, .alreadyExists, .conflict, .staleGeneration, .wrongParent,
            .failedPrecondition, .unsupportedVersion, .unimplemented, .corruptData, .leaseLost, .internal,
            .UNRECOGNIZED:
            false
        }
    }
}
