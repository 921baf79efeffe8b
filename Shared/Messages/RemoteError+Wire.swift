extension RemoteError {
    /// A peer's error. An unknown or missing code becomes `internal`, because a caller can do nothing with it.
    package init(wire: WireError) {
        let code: ErrorCode
        switch wire.code {
        case .unspecified, .UNRECOGNIZED: code = .internal
        case .invalidArgument, .notFound, .alreadyExists, .conflict, .staleGeneration, .wrongParent,
            .failedPrecondition, .resourceExhausted, .unavailable, .deadlineExceeded, .unsupportedVersion,
            .unimplemented, .corruptData, .leaseLost, .internal:
            code = wire.code
        }
        self.init(code, wire.message, remedy: wire.remedy, retryable: wire.retryable, facts: wire.facts)
    }

    package var wire: WireError {
        var error = WireError()
        error.code = code
        error.message = message
        error.remedy = remedy
        error.retryable = retryable
        error.facts = facts
        return error
    }
}
