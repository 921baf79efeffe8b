/// One round of replication as it went.
package struct CycleRecord: Sendable, Equatable, Codable {
    package enum Kind: String, Sendable, Codable, CaseIterable {
        case full
        case incremental
        case compare
        case unknown
    }

    package enum Consistency: String, Sendable, Codable, CaseIterable {
        case crash
        case application
        case unknown
    }

    package var cycle: UInt64
    package var kind: Kind
    package var consistency: Consistency
    package var capturedUnixMilliseconds: Int64
    package var committedUnixMilliseconds: Int64
    /// From due to committed.
    package var durationMilliseconds: UInt32
    package var changedBytes: UInt64
    package var sentBytes: UInt64
    /// Why it was full or compared; empty otherwise.
    package var reason: String
    /// What kept it from committing; nil when it committed.
    package var error: RemoteErrorRecord?
}
