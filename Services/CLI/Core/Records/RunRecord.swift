/// A run of the failover orchestrator: what it is to do, how far it is, and what came of it. The same while it goes on
/// and ever after.
package struct RunRecord: Sendable, Equatable, Codable {
    package enum Kind: String, Sendable, Codable, CaseIterable {
        case test
        case cleanup
        case planned
        case unplanned
        case changePoint
        case commit
        case cancel
        case reverse
        case failback
        case unknown

        /// As in "the planned failover of web1".
        package var words: String {
            switch self {
            case .test: "test failover"
            case .cleanup: "cleanup"
            case .planned: "planned failover"
            case .unplanned: "unplanned failover"
            case .changePoint: "change of point"
            case .commit: "commit"
            case .cancel: "cancellation"
            case .reverse: "reversal"
            case .failback: "failback"
            case .unknown: "run"
            }
        }
    }

    package enum State: String, Sendable, Codable, CaseIterable {
        case running
        /// Stands still; the sentence says what is needed.
        case waiting
        case succeeded
        case failed
        case unknown

        package var style: TextStyle {
            switch self {
            case .running, .unknown: .plain
            case .waiting: .warning
            case .succeeded: .good
            case .failed: .bad
            }
        }
    }

    package struct Step: Sendable, Equatable, Codable {
        package enum State: String, Sendable, Codable, CaseIterable {
            case pending
            case running
            case done
            case skipped
            case failed
            /// Taken back after a later one failed.
            case undone
            case unknown
        }

        /// From 1.
        package var number: UInt32
        /// Stable: `shut-down-source`.
        package var name: String
        /// For people.
        package var title: String
        package var state: State
        package var startedUnixMilliseconds: Int64
        package var endedUnixMilliseconds: Int64
        package var attempts: UInt32
        package var detail: String
        package var doneBytes: UInt64
        package var totalBytes: UInt64

        /// Nil while it has not ended.
        package var durationMilliseconds: Int64? {
            guard startedUnixMilliseconds > 0, endedUnixMilliseconds >= startedUnixMilliseconds else { return nil }
            return endedUnixMilliseconds - startedUnixMilliseconds
        }
    }

    package var id: String
    package var kind: Kind
    package var protection: String
    package var guest: String
    package var guestUUID: String
    package var state: State
    package var steps: [Step]
    package var startedUnixMilliseconds: Int64
    package var endedUnixMilliseconds: Int64
    package var requestedBy: String
    package var generation: UInt64
    /// Names of the host that was active when it began, and of the one that it goes to.
    package var fromHost: String
    package var toHost: String
    /// The point used; 0: none.
    package var cycle: UInt64
    package var capturedUnixMilliseconds: Int64
    /// From the point's capture to the source's end, or to the request; nil: not known.
    package var rpoMilliseconds: Int64?
    /// From the request to the replica's first instruction; nil: not known.
    package var rtoMilliseconds: Int64?
    package var sentence: String
    package var remedy: String
    package var warnings: [String]
    /// Name of the guest that was started; empty: none.
    package var startedGuest: String

    /// Enough of the identifier to name it by.
    package var shortID: String { String(id.prefix(8)) }

    /// Nothing of it is left to be waited for. A test failover is there once its guest runs, because what it then waits
    /// for is the operator, who ends it with a cleanup.
    package var isOver: Bool {
        switch state {
        case .succeeded, .failed: true
        case .waiting: kind == .test && !startedGuest.isEmpty
        case .running, .unknown: false
        }
    }

    package var currentStep: Step? { steps.first { $0.state == .running } }
}
