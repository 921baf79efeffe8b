/// What went wrong in the agent's own house; errors of the libraries below it travel as their cause.
package struct HostAgentError: Error, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        case invalidArgument
        case notFound
        case staleGeneration
        case failedPrecondition
        case conflict
        case wrongParent
        case resourceExhausted
        case unavailable
        case corruptData
        case corruptState
        case processFailed
    }

    package var code: Code
    package var message: String
    package var remedy: String
    package var facts: [String: String]
    package var cause: (any Error)?

    package init(
        _ code: Code, _ message: String, remedy: String = "", facts: [String: String] = [:], cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.remedy = remedy
        self.facts = facts
        self.cause = cause
    }

    package var description: String {
        var text = "\(code): \(message)"
        if !facts.isEmpty {
            text +=
                " (" + facts.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", ") + ")"
        }
        if let cause { text += "; because: \(cause)" }
        return text
    }

    static func corruptState(_ message: String, facts: [String: String]) -> HostAgentError {
        HostAgentError(
            .corruptState, "The agent's own state is wrong: \(message).", remedy: databaseRemedy(host: "HOST"),
            facts: facts)
    }

    /// Of whatever keeps the database from being opened.
    static func database(_ path: String, of host: String, _ cause: any Error) -> HostAgentError {
        HostAgentError(
            .corruptState, "The agent's database \(path) cannot be used: \(cause).",
            remedy: databaseRemedy(host: host), facts: ["path": path], cause: cause)
    }

    private static func databaseRemedy(host: String) -> String {
        "See that its file system has room and is sound. When it is the database that is damaged, stop the agent, restore "
            + "it or move it away, and give this host its identity back before the agent is started: "
            + "bascule-agent identity \(host) --config FILE"
    }

    static func staleGeneration(_ given: UInt64, seen: UInt64) -> HostAgentError {
        HostAgentError(
            .staleGeneration, "The command carries generation \(given), but generation \(seen) was seen already.",
            remedy: "The sender is fenced; it has to read the protection from the vault again.",
            facts: ["generation": "\(given)", "seen": "\(seen)"])
    }
}
