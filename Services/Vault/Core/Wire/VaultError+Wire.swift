internal import Messages

extension RemoteError {
    init(_ error: VaultError) {
        self.init(
            error.code.wire, error.message, remedy: error.remedy, retryable: error.code.isRetryable, facts: error.facts)
    }
}

extension VaultError.Code {
    fileprivate var wire: ErrorCode {
        switch self {
        case .invalidArgument: .invalidArgument
        case .notFound: .notFound
        case .alreadyExists: .alreadyExists
        case .conflict: .conflict
        case .staleGeneration: .staleGeneration
        case .failedPrecondition: .failedPrecondition
        case .resourceExhausted: .resourceExhausted
        case .unavailable: .unavailable
        case .unimplemented: .unimplemented
        case .corruptData: .corruptData
        case .storage: .internal
        }
    }

    /// Whether the same request may succeed later by itself. A disk that failed once may work again.
    fileprivate var isRetryable: Bool {
        switch self {
        case .resourceExhausted, .unavailable, .storage: true
        case .invalidArgument, .notFound, .alreadyExists, .conflict, .staleGeneration, .failedPrecondition,
            .unimplemented, .corruptData:
            false
        }
    }
}
