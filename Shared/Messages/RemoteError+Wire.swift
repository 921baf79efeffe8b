internal import SwiftProtobuf

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

    /// A serialized `bascule.v1.Error`, as it travels in a bulk frame.
    package var encoded: [UInt8] {
        do {
            return try wire.serializedBytes()
        } catch {
            preconditionFailure("an error could not be encoded: \(error)")
        }
    }

    /// Nil when the bytes are not a `bascule.v1.Error`.
    package init?(encoded: [UInt8]) {
        do {
            self.init(wire: try WireError(serializedBytes: encoded))
        } catch {
            return nil
        }
    }
}
