package import Messages

/// Why an attempt failed; it travels to the policy service as an Error.
package struct JobFault: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: Sendable, Hashable {
        /// The guest's disk could not be read.
        case sourceUnreadable
        /// The receiver cannot be reached, or fell silent.
        case targetUnreachable
        /// The receiver refused, in its own words.
        case targetRefused(ErrorCode, retryable: Bool)
        case corruptData
        case invalidJob
        /// The worker was told to stop, or has no slot: the job is given back, and nothing is wrong with it.
        case stopping
        case internalFault
    }

    package var code: Code
    package var message: String
    package var remedy: String
    package var facts: [String: String]

    package init(_ code: Code, _ message: String, remedy: String = "", facts: [String: String] = [:]) {
        self.code = code
        self.message = message
        self.remedy = remedy
        self.facts = facts
    }

    package var description: String {
        facts.isEmpty
            ? "\(code): \(message)"
            : "\(code): \(message) ("
                + facts.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", ") + ")"
    }
}
