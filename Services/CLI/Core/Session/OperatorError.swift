/// Why a command did not do what it was asked for: what happened, to what and why, and what to do next.
package struct OperatorError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        case usage
        case notFound
        case refused
        case unavailable
        case corrupt
        case waiting
        case failed
    }

    package var code: Code
    /// A sentence without a full stop.
    package var message: String
    /// What to do next; empty when there is nothing to do.
    package var remedy: String
    package var facts: [String: String]

    package init(_ code: Code, _ message: String, remedy: String, facts: [String: String] = [:]) {
        self.code = code
        self.message = message
        self.remedy = remedy
        self.facts = facts
    }

    package var description: String { remedy.isEmpty ? message : "\(message) — \(remedy)" }
}
