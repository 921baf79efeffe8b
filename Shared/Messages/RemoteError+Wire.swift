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
        var facts: [String: String] = [:]
        for (key, value) in wire.facts.sorted(by: { $0.key < $1.key }).prefix(Self.factsMaximum) {
            facts[Self.cut(key)] = Self.cut(value)
        }
        self.init(
            code, Self.cut(wire.message), remedy: Self.cut(wire.remedy), retryable: wire.retryable, facts: facts)
    }

    /// Errors are kept, shown, and told on; a peer does not choose how much that is.
    package static let textBytesMaximum = 4_096
    package static let factsMaximum = 64

    private static func cut(_ text: String) -> String {
        guard text.utf8.count > textBytesMaximum else { return text }
        // The last character may be cut in two, and is then another one.
        return String(decoding: text.utf8.prefix(textBytesMaximum), as: UTF8.self) + "…"
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
