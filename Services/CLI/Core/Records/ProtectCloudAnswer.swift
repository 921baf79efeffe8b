/// What became of each guest of a cloud that was to be protected whole.
package struct ProtectCloudAnswer: Sendable, Equatable, Codable {
    package struct Refusal: Sendable, Equatable, Codable {
        package var guest: String
        package var error: RemoteErrorRecord
    }

    package var created: [Registry.Protection]
    package var refused: [Refusal]
    /// Names of guests that were protected before.
    package var already: [String]
    /// How the waiting for each of the created ended, as far as it came; nil without `--wait`.
    package var waits: [WaitRecord]?
}
