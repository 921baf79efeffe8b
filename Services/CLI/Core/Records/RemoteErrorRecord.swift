/// A service's error as documents for machines carry it.
package struct RemoteErrorRecord: Sendable, Equatable, Codable {
    /// As in the protocol, for example `NOT_FOUND`.
    package var code: String
    package var message: String
    package var remedy: String
    package var facts: [String: String]
}
