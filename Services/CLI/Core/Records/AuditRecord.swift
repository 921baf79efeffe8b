/// Who asked the vault for what, and what came of it.
package struct AuditRecord: Sendable, Equatable, Codable {
    package var number: UInt64
    package var timeUnixMilliseconds: Int64
    package var actor: String
    package var action: String
    package var subject: String
    /// `done`, or the error's sentence.
    package var outcome: String
}
