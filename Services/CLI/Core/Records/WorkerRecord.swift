/// A replication worker as the job board sees it.
package struct WorkerRecord: Sendable, Equatable, Codable {
    /// Whether it gets jobs.
    package enum State: String, Sendable, Codable {
        case working
        /// It gets none any more, and still runs some.
        case draining
        case drained
        case unknown

        var style: TextStyle {
            switch self {
            case .working: .good
            case .draining, .drained: .warning
            case .unknown: .plain
            }
        }
    }

    /// One transfer job that it runs.
    package struct Job: Sendable, Equatable, Codable {
        package var job: String
        package var protection: String
        package var guest: String
        package var cycle: UInt64
        package var kind: CycleRecord.Kind
        package var disk: String
        package var readBytes: UInt64
        package var changedBytes: UInt64
        package var rateBytesPerSecond: UInt64
    }

    package var id: String
    package var name: String
    package var endpoint: String
    /// Hosts whose captures it can read; empty: every host.
    package var readsHosts: [String]
    package var jobs: UInt32
    package var rateBytesPerSecond: UInt64
    /// nil: drained, and not heard of.
    package var lastSeenAgeMilliseconds: Int64?
    package var slots: UInt32
    package var state: State
    package var running: [Job]
    /// Of one of its jobs; 0: not known yet.
    package var speedBytesPerSecond: UInt64
}
