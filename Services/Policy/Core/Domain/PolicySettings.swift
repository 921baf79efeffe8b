/// One policy: how often a protection is copied, how long its points are kept, and how its bytes travel.
struct PolicySettings: Hashable, Sendable {
    struct Retention: Hashable, Sendable {
        var everyCycleSeconds: UInt32
        var hourlySeconds: UInt32
        var dailySeconds: UInt32
    }

    /// What a planned failover does with a guest that does not shut down in time.
    enum ShutdownFailure: String, Sendable, CaseIterable {
        /// The run fails, and the guest runs on.
        case stop
        /// Pulls the plug.
        case destroy
    }

    enum Compression: String, Sendable, CaseIterable {
        case none, lz4, zstd, automatic
    }

    var name: String
    var frequencySeconds: UInt32
    var retention: Retention
    /// 0: never.
    var applicationConsistentEverySeconds: UInt32
    var compression: Compression
    /// Shared by all running jobs of a pair of clouds whose policy this is, and by those of a pair's guests that have it
    /// instead of the pair's, when no window of the schedule covers the moment. 0: no limit.
    var bandwidthBytesPerSecond: UInt64
    /// 0: at once.
    var initialNotBeforeUnixSeconds: Int64
    var freezeLimitMilliseconds: UInt32
    /// Rises with every change; 0 before it was first stored.
    var version: UInt64
    /// How long a guest may take to shut down for a planned failover.
    var shutdownLimitSeconds = PolicyLimits.shutdownLimitSecondsDefault
    var whenShutdownFails = ShutdownFailure.stop
    var bandwidthSchedule = BandwidthSchedule()

    var bandwidth: BandwidthPlan {
        BandwidthPlan(usualBytesPerSecond: bandwidthBytesPerSecond, schedule: bandwidthSchedule)
    }

    var frequencyMilliseconds: Int64 { Int64(frequencySeconds) * 1_000 }

    /// The policy that is there from the first start, so that a pair of clouds works without further words.
    static let builtIn = PolicySettings(
        name: "default",
        frequencySeconds: 30,
        retention: Retention(everyCycleSeconds: 3_600, hourlySeconds: 86_400, dailySeconds: 7 * 86_400),
        applicationConsistentEverySeconds: 0,
        compression: .automatic,
        bandwidthBytesPerSecond: 0,
        initialNotBeforeUnixSeconds: 0,
        freezeLimitMilliseconds: PolicyLimits.freezeLimitMillisecondsDefault,
        version: 1)
}

/// What a protection's policy name leads to.
enum PolicyBinding: Hashable, Sendable {
    case known(PolicySettings)
    /// No policy has this name; an empty name means that the pair of clouds is not known here.
    case unknown(name: String)

    var name: String {
        switch self {
        case .known(let settings): settings.name
        case .unknown(let name): name
        }
    }

    var settings: PolicySettings? {
        switch self {
        case .known(let settings): settings
        case .unknown: nil
        }
    }
}
