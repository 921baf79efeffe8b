/// What went wrong, in this service or at a peer it asked. It is stored with the run that it befell.
struct OrchestratorError: Error, Hashable, Sendable, Codable {
    /// The protocol's codes; `common.proto` says what each means.
    enum Code: String, Sendable, CaseIterable, Codable {
        case invalidArgument, notFound, alreadyExists, conflict, staleGeneration, wrongParent, failedPrecondition
        case resourceExhausted, unavailable, deadlineExceeded, unsupportedVersion, unimplemented, corruptData
        case leaseLost, `internal`
    }

    var code: Code
    var message: String
    var remedy: String
    /// The peer says that the same request may succeed later without anybody changing it.
    var isRetryable: Bool
    var facts: [String: String]

    init(
        _ code: Code, _ message: String, remedy: String = "", isRetryable: Bool? = nil, facts: [String: String] = [:]
    ) {
        self.code = code
        self.message = message
        self.remedy = remedy
        self.isRetryable = isRetryable ?? [.resourceExhausted, .unavailable, .deadlineExceeded].contains(code)
        self.facts = facts
    }

    /// Without its record nobody goes on with a run, and a protection that it holds takes no other.
    static let lostRecordRemedy =
        "Restore the orchestrator's database from a copy. Remove it only when “bascule status” shows nothing as failing "
        + "over: “bascule run abandon RUN” then lets go of what a lost run holds."

    /// With the peer's evidence in the sentence, because a run's report has no place for facts, and “could not be started”
    /// alone helps nobody.
    var tellingCause: OrchestratorError {
        guard let cause = facts["cause"], !cause.isEmpty, !message.contains(cause) else { return self }
        var told = self
        told.message = (message.hasSuffix(".") ? String(message.dropLast()) : message) + ": \(cause)"
        if !cause.hasSuffix(".") { told.message += "." }
        return told
    }

    /// Whether a run asks again by itself. Beside what the peer calls retryable: a version that was no longer current,
    /// because each attempt reads it afresh, and a peer's own fault, because that leaves open whether it was done.
    var isWorthRepeating: Bool { isRetryable || code == .conflict || code == .internal }
}

extension OrchestratorError: CustomStringConvertible {
    var description: String { remedy.isEmpty ? "\(message) [\(code)]" : "\(message) [\(code)] \(remedy)" }
}
