package import Messages

/// What `--json` writes to standard error when a command of the agent fails: the same as `bascule` does (JSON.md).
package struct FailureDocument: Sendable, Encodable {
    package struct Failure: Sendable, Encodable {
        /// As in the protocol, for example `NOT_FOUND`.
        package var code: String
        package var message: String
        package var remedy: String
        package var facts: [String: String]
    }

    package var error: Failure
    package var exitStatus: Int32

    package init(_ error: RemoteError, exitStatus: Int32) {
        self.error = Failure(
            code: error.code.name, message: error.message, remedy: error.remedy, facts: error.facts)
        self.exitStatus = exitStatus
    }
}
