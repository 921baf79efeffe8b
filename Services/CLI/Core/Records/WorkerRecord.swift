/// A replication worker as the job board sees it.
package struct WorkerRecord: Sendable, Equatable, Codable {
    package var id: String
    package var name: String
    package var endpoint: String
    /// Hosts whose captures it can read; empty: every host.
    package var readsHosts: [String]
    package var jobs: UInt32
    package var rateBytesPerSecond: UInt64
    package var lastSeenAgeMilliseconds: Int64
}
