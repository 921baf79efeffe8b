/// A change of the registry as the vault published it.
package struct EventRecord: Sendable, Equatable, Codable {
    package var number: UInt64
    /// What changed: `site`, `cloud`, `pair`, `host`, `guest`, `protection`, or one of them with `-removed`.
    package var kind: String
    /// One line for people.
    package var text: String
}
