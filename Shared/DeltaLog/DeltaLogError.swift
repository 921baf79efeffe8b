/// Why a delta log could not be written, opened, read or merged.
package struct DeltaLogError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        /// The file does not begin as a delta log does.
        case notADeltaLog
        /// Written by a later version of the format.
        case unsupportedVersion
        /// There is no trailer: the log was never committed, or its end is missing.
        case incomplete
        /// A checksum or a numbered validity condition of Format.md does not hold. `facts["condition"]` names it.
        case corrupt
        /// The header's seal does not open: altered bytes, or another replica's key.
        case wrongKey
        /// A record was refused on arrival. The log goes on; the attempt it belongs to should be abandoned.
        case recordRefused
        /// The attempt is finished, abandoned or unknown.
        case attemptState
        /// Committed attempts cover the same range of a disk.
        case overlap
        /// A stated bound would be exceeded.
        case limitExceeded
        /// The logs given to a merge do not follow each other.
        case notConsecutive
        /// The file system is full (ENOSPC, EDQUOT).
        case noSpace
        /// Any other failure of the file system.
        case inputOutput
        /// The log was committed or aborted already.
        case closed
    }

    package var code: Code
    /// One sentence for a person.
    package var message: String
    package var cause: (any Error)?
    package var facts: [String: String]
    /// What the reader of the message can do.
    package var remedy: String

    package init(
        _ code: Code, _ message: String, remedy: String? = nil, facts: [String: String] = [:], cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.cause = cause
        self.facts = facts
        self.remedy = remedy ?? code.usualRemedy
    }

    package var description: String {
        let details = facts.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }.joined()
        let reason = cause.map { " (because: \($0))" } ?? ""
        return "\(code.rawValue): \(message)\(details)\(reason). \(remedy)"
    }
}

extension DeltaLogError.Code {
    var usualRemedy: String {
        switch self {
        case .notADeltaLog: "Remove the file from the journal, or name the right one."
        case .unsupportedVersion: "Read it with a newer version of Bascule."
        case .incomplete: "Discard the file; the cycle was never committed."
        case .corrupt: "Restore the file from a copy, or fall back to a point before it; then resynchronize."
        case .wrongKey: "Use the key of the replica that the log belongs to, or restore the file from a copy."
        case .recordRefused: "Abandon the attempt and send the job again."
        case .attemptState: "Start a new attempt."
        case .overlap: "Abort the cycle and start it again."
        case .limitExceeded: "Use fewer or smaller pieces."
        case .notConsecutive: "Merge logs that follow each other, oldest first."
        case .noSpace: "Free space on the replica's file system; the next cycle then goes on."
        case .inputOutput: "Check the replica's file system and its device."
        case .closed: "Open another log."
        }
    }
}
