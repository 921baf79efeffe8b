/// What `--json` writes to standard error when a command fails.
package struct FailureDocument: Sendable, Equatable, Codable {
    package var error: RemoteErrorRecord
    package var exitStatus: Int32
}
