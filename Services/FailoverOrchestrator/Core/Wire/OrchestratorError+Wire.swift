import Messages

extension OrchestratorError {
    /// A peer's error, or what the bus says in its place.
    init(remote: RemoteError) {
        self.init(
            Code(wire: remote.code), remote.message, remedy: remote.remedy, isRetryable: remote.retryable,
            facts: remote.facts)
    }

    /// Anything that a call may throw.
    init(thrown error: any Error) {
        switch error {
        case let error as OrchestratorError: self = error
        case let error as RemoteError: self.init(remote: error)
        case is CancellationError: self.init(.unavailable, "The failover orchestrator is stopping.")
        default: self.init(.internal, "A request failed in an unforeseen way: \(error)")
        }
    }

    init(wire: WireError) { self.init(remote: RemoteError(wire: wire)) }

    var remote: RemoteError { RemoteError(code.wire, message, remedy: remedy, retryable: isRetryable, facts: facts) }
}

extension OrchestratorError.Code {
    init(wire: ErrorCode) {
        switch wire {
        case .invalidArgument: self = .invalidArgument
        case .notFound: self = .notFound
        case .alreadyExists: self = .alreadyExists
        case .conflict: self = .conflict
        case .staleGeneration: self = .staleGeneration
        case .wrongParent: self = .wrongParent
        case .failedPrecondition: self = .failedPrecondition
        case .resourceExhausted: self = .resourceExhausted
        case .unavailable: self = .unavailable
        case .deadlineExceeded: self = .deadlineExceeded
        case .unsupportedVersion: self = .unsupportedVersion
        case .unimplemented: self = .unimplemented
        case .corruptData: self = .corruptData
        case .leaseLost: self = .leaseLost
        case .internal, .unspecified, .UNRECOGNIZED: self = .internal
        }
    }

    var wire: ErrorCode {
        switch self {
        case .invalidArgument: .invalidArgument
        case .notFound: .notFound
        case .alreadyExists: .alreadyExists
        case .conflict: .conflict
        case .staleGeneration: .staleGeneration
        case .wrongParent: .wrongParent
        case .failedPrecondition: .failedPrecondition
        case .resourceExhausted: .resourceExhausted
        case .unavailable: .unavailable
        case .deadlineExceeded: .deadlineExceeded
        case .unsupportedVersion: .unsupportedVersion
        case .unimplemented: .unimplemented
        case .corruptData: .corruptData
        case .leaseLost: .leaseLost
        case .internal: .internal
        }
    }
}
