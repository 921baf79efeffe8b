/// What went wrong, in this service or at a peer it asked.
struct PolicyError: Error, Hashable, Sendable {
    /// The protocol's codes; `common.proto` says what each means.
    enum Code: String, Sendable, CaseIterable {
        case invalidArgument, notFound, alreadyExists, conflict, staleGeneration, wrongParent, failedPrecondition
        case resourceExhausted, unavailable, deadlineExceeded, unsupportedVersion, unimplemented, corruptData
        case leaseLost, `internal`
    }

    var code: Code
    var message: String
    var remedy: String
    var facts: [String: String]

    init(_ code: Code, _ message: String, remedy: String = "", facts: [String: String] = [:]) {
        self.code = code
        self.message = message
        self.remedy = remedy
        self.facts = facts
    }

    /// Whether the peer said that it did not do it. Silence, lost deadlines and a peer's own faults leave that open.
    var isRefusal: Bool {
        switch code {
        case .invalidArgument, .notFound, .alreadyExists, .conflict, .staleGeneration, .wrongParent,
            .failedPrecondition, .resourceExhausted, .unsupportedVersion, .unimplemented, .corruptData, .leaseLost:
            true
        case .unavailable, .deadlineExceeded, .internal:
            false
        }
    }

    /// Whether asking the same again later can succeed.
    var isRetryable: Bool {
        switch code {
        case .resourceExhausted, .unavailable, .deadlineExceeded, .conflict: true
        case .invalidArgument, .notFound, .alreadyExists, .staleGeneration, .wrongParent, .failedPrecondition,
            .unsupportedVersion, .unimplemented, .corruptData, .leaseLost, .internal:
            false
        }
    }
}

extension PolicyError: CustomStringConvertible {
    var description: String { remedy.isEmpty ? "\(message) [\(code)]" : "\(message) [\(code)] \(remedy)" }
}
