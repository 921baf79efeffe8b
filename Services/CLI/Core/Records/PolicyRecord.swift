/// A policy: how often, how long points are kept, how consistent, how fast.
package struct PolicyRecord: Sendable, Equatable, Codable {
    package enum Compression: String, Sendable, Codable, CaseIterable {
        case none
        case lz4
        case zstd
        case automatic
    }

    /// What becomes of a planned failover whose guest does not shut down in time.
    package enum WhenShutdownFails: String, Sendable, Codable, CaseIterable {
        /// The failover fails and the guest runs on.
        case stop
        /// The guest's plug is pulled.
        case forceOff

        /// As it is typed and shown.
        package var words: String {
            switch self {
            case .stop: "stop"
            case .forceOff: "force-off"
            }
        }
    }

    package var name: String
    package var frequencySeconds: UInt32 = 30
    package var keepAllSeconds: UInt32 = 24 * 3_600
    package var keepHourlySeconds: UInt32 = 7 * 24 * 3_600
    package var keepDailySeconds: UInt32 = 30 * 24 * 3_600
    /// 0: never.
    package var applicationConsistentSeconds: UInt32 = 0
    package var compression: Compression = .automatic
    /// Shared by all workers of a pair of clouds; 0: no limit.
    package var bandwidthBytesPerSecond: UInt64 = 0
    /// 0: at once.
    package var initialNotBeforeUnixSeconds: Int64 = 0
    package var freezeLimitMilliseconds: UInt32 = 5_000
    /// How long a guest may take to shut down in a planned failover.
    package var shutdownLimitSeconds: UInt32 = 120
    package var whenShutdownFails: WhenShutdownFails = .stop
    /// Other limits at some hours; the first that covers a moment counts.
    package var bandwidthSchedule: [BandwidthWindowRecord] = []
    /// Of the schedule; empty: UTC.
    package var timeZone = ""
    package var version: UInt64 = 0

    package init(name: String) {
        self.name = name
    }
}
