/// What went wrong with a replica: a code to branch on, a sentence for a person, what to do, the facts and the cause.
package struct ReplicaError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable, Hashable {
        /// A name, size, number or setting cannot be accepted; nothing was changed.
        case invalidArgument
        /// The directory, the cycle or the disk does not exist here.
        case notFound
        /// There is a replica in the directory already.
        case alreadyExists
        /// Another process has the replica open.
        case locked
        /// Live views need what would be changed.
        case inUse
        /// The command carries an older generation than the replica has seen; its sender is fenced.
        case staleGeneration
        /// The replica does not hold the parent that was named.
        case wrongParent
        /// Somebody else wrote to an adopted image, so what rests on it is no point any more.
        case spoilt
        /// The cycle is not open: it was never opened, was aborted, or the process was started again.
        case cycleNotOpen
        /// The file system cannot hold what is asked for.
        case spaceExhausted
        /// A limit of `ReplicaLimits` would be passed.
        case limitExceeded
        /// A checksum, a seal or the order of the journal does not hold.
        case corruptData
        /// The operating system refused; the cause says how.
        case system
        /// An earlier failure left it unknown what is on stable storage; open the replica again.
        case needsReopen
    }

    package var code: Code
    package var message: String
    package var remedy: String
    package var facts: [String: String]
    package var cause: (any Error)?

    package init(
        _ code: Code, _ message: String, remedy: String, facts: [String: String] = [:], cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.remedy = remedy
        self.facts = facts
        self.cause = cause
    }

    package var description: String {
        var text = "\(message) (\(code.rawValue))"
        for (name, value) in facts.sorted(by: { $0.key < $1.key }) { text += ", \(name)=\(value)" }
        if let cause { text += ", because: \(cause)" }
        return text
    }

    static func noReplica(in directory: String) -> ReplicaError {
        ReplicaError(
            .notFound, "there is no replica in this directory", remedy: "Check the path; a replica has a manifest.",
            facts: ["directory": directory])
    }
}
