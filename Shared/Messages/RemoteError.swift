/// An error as it travels between services: a code to branch on, a sentence, what to do next, and the facts.
///
/// A handler throws it to answer an `Error` body; a caller catches it when a peer answered one. What a peer could not
/// even answer (nobody there, deadline over) is thrown in the same shape by the caller's own bus, so that callers
/// have one type to look at; `facts["origin"]` is then `"caller"`.
package struct RemoteError: Error, Hashable, Sendable, CustomStringConvertible {
    package var code: ErrorCode
    package var message: String
    package var remedy: String
    /// The same request may succeed later without anybody changing it.
    package var retryable: Bool
    package var facts: [String: String]

    /// `retryable` is by default what the code says; see Protocol.md, "Errors".
    package init(
        _ code: ErrorCode, _ message: String, remedy: String = "", retryable: Bool? = nil, facts: [String: String] = [:]
    ) {
        self.code = code
        self.message = message
        self.remedy = remedy
        self.retryable = retryable ?? code.isUsuallyRetryable
        self.facts = facts
    }

    package var description: String {
        var text = "\(code.name): \(message)"
        if !remedy.isEmpty { text += " \(remedy)" }
        if !facts.isEmpty {
            let sorted = facts.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
            text += " [\(sorted.joined(separator: ", "))]"
        }
        return text
    }
}
