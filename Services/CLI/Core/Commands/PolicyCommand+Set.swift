package import ArgumentParser
import Foundation
import Replica

extension PolicyCommand {
    /// `bascule policy set NAME --frequency 30s …`
    package struct Set: OperatorCommand {
        package static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Create a policy, or change what is given of it.",
            discussion: """
                A new policy starts from: every 30 s; every point kept for a day, hourly ones
                for a week, daily ones for 30 days; crash-consistent; compression automatic;
                no limit. Spans take s, m, h, d and w; sizes K, M, G.

                The limit of a pair's policy is shared by all its guests, those with a policy
                of their own included; such a policy's limit holds for its guests within it.

                EXAMPLES
                  bascule policy set every-30s --frequency 30s
                  bascule policy set gold --frequency 1s --keep-all 1h --keep-daily 30d
                  bascule policy set gold --application-consistent 1h --freeze-limit 2000
                  bascule policy set day --bandwidth-at "mon-fri 8-18 5MiB"
                """)

        @Argument(help: "Name of the policy.")
        var name: String

        @Option(help: ArgumentHelp("How often a point is made; from 1s.", valueName: "span"))
        var frequency: String?

        @Option(help: ArgumentHelp("How long every point is kept.", valueName: "span"))
        var keepAll: String?

        @Option(help: ArgumentHelp("Until what age one point an hour is kept.", valueName: "span"))
        var keepHourly: String?

        @Option(
            help: ArgumentHelp("Until what age one point a day is kept, and the newest verified.", valueName: "span"))
        var keepDaily: String?

        @Option(help: ArgumentHelp("How often an application-consistent point is made, or never.", valueName: "span"))
        var applicationConsistent: String?

        @Option(help: ArgumentHelp("none, lz4, zstd or automatic.", valueName: "kind"))
        var compression: String?

        @Option(help: ArgumentHelp("Bytes a second that all workers of a pair share, or unlimited.", valueName: "size"))
        var bandwidth: String?

        @Option(
            help: ArgumentHelp(
                "Another limit at some hours, as in \"mon-fri 8-18 5MiB\"; again for more, the first counts; or none.",
                valueName: "window"))
        var bandwidthAt: [String] = []

        @Option(help: ArgumentHelp("Time zone of those hours, as in Europe/Berlin.", valueName: "zone"))
        var timeZone: String?

        @Option(help: ArgumentHelp("When first copies may begin, or now.", valueName: "time"))
        var startAt: String?

        @Option(help: ArgumentHelp("How long a guest may be frozen at most, in milliseconds.", valueName: "ms"))
        var freezeLimit: UInt32?

        @Option(help: ArgumentHelp("How long a guest may take to shut down in a planned failover.", valueName: "span"))
        var shutdownLimit: String?

        @Option(help: ArgumentHelp("A guest that does not shut down in time: stop or force-off.", valueName: "act"))
        var whenShutdownFails: String?

        @OptionGroup package var common: CommonOptions

        package init() {}

        package func perform(in session: OperatorSession) async throws {
            let service = try await session.policy()
            let known = try await service.policies().first { $0.name == name }
            let changed = try changes(to: known ?? PolicyRecord(name: name))
            let stored = try await service.put(changed)
            try session.answer(stored) { console in
                console.print("Policy \(stored.name) \(known == nil ? "created" : "changed"):")
                for line in stored.sentences { console.print("  \(line)") }
            }
        }

        /// - Throws: `OperatorError` with code `usage`, naming the option.
        func changes(to policy: PolicyRecord) throws -> PolicyRecord {
            var policy = policy
            if let frequency { policy.frequencySeconds = try Quantity.seconds(frequency) }
            guard policy.frequencySeconds >= 1 else {
                throw OperatorError(.usage, "--frequency must be 1s or more", remedy: "1s, 30s, 5m and 15m are usual")
            }
            if let keepAll { policy.keepAllSeconds = try Quantity.seconds(keepAll) }
            if let keepHourly { policy.keepHourlySeconds = try Quantity.seconds(keepHourly) }
            if let keepDaily { policy.keepDailySeconds = try Quantity.seconds(keepDaily) }
            if let applicationConsistent {
                policy.applicationConsistentSeconds = try Quantity.seconds(applicationConsistent)
            }
            if let compression {
                guard let kind = PolicyRecord.Compression(rawValue: compression) else {
                    let kinds = PolicyRecord.Compression.allCases.map(\.rawValue).joined(separator: ", ")
                    throw OperatorError(.usage, "\"\(compression)\" is no compression", remedy: "one of: \(kinds)")
                }
                policy.compression = kind
            }
            if let bandwidth { policy.bandwidthBytesPerSecond = try Quantity.bytes(bandwidth) }
            if !bandwidthAt.isEmpty {
                policy.bandwidthSchedule =
                    bandwidthAt == ["none"] ? [] : try bandwidthAt.map(BandwidthWindowRecord.init(parsing:))
            }
            if let timeZone { policy.timeZone = timeZone == "UTC" ? "" : timeZone }
            if let startAt {
                if startAt == "now" {
                    policy.initialNotBeforeUnixSeconds = 0
                } else if case .atOrBefore(let milliseconds) = try PointName(naming: startAt) {
                    policy.initialNotBeforeUnixSeconds = milliseconds / 1_000
                } else {
                    throw OperatorError(
                        .usage, "\"\(startAt)\" is not a time", remedy: "as in 2026-11-23T22:00:00, or now")
                }
            }
            if let freezeLimit { policy.freezeLimitMilliseconds = freezeLimit }
            if let shutdownLimit { policy.shutdownLimitSeconds = try OperatorLimits.shutdownSeconds(shutdownLimit) }
            if let whenShutdownFails {
                let acts = PolicyRecord.WhenShutdownFails.allCases
                guard let act = acts.first(where: { $0.words == whenShutdownFails }) else {
                    throw OperatorError(
                        .usage,
                        "\"\(whenShutdownFails)\" is not what can be done about a guest that does not shut down",
                        remedy: "one of: \(acts.map(\.words).joined(separator: ", "))")
                }
                policy.whenShutdownFails = act
            }
            return policy
        }
    }
}

extension PolicyRecord {
    /// The policy in sentences, for people.
    package var sentences: [String] {
        var lines = [
            "\(name) (version \(version))",
            "a recovery point every \(HumanUnits.span(seconds: frequencySeconds)),"
                + " application-consistent: \(HumanUnits.span(seconds: applicationConsistentSeconds))",
            "every point kept for \(HumanUnits.span(seconds: keepAllSeconds)),"
                + " hourly until \(HumanUnits.span(seconds: keepHourlySeconds)),"
                + " daily until \(HumanUnits.span(seconds: keepDailySeconds))",
            "compression \(compression.rawValue), bandwidth "
                + (bandwidthBytesPerSecond == 0 ? "unlimited" : HumanUnits.rate(bandwidthBytesPerSecond)),
            "a guest is frozen for \(HumanUnits.duration(milliseconds: Int64(freezeLimitMilliseconds)).replacing(".0 s", with: " s")) at most",
        ]
        if !bandwidthSchedule.isEmpty {
            let windows = bandwidthSchedule.map(\.words).joined(separator: "; ")
            lines.append("bandwidth at other hours: \(windows) (\(timeZone.isEmpty ? "UTC" : timeZone))")
        }
        lines.append(
            "planned failover: a guest has \(HumanUnits.span(seconds: shutdownLimitSeconds)) to shut down, then "
                + (whenShutdownFails == .stop ? "the failover stops" : "its plug is pulled"))
        if initialNotBeforeUnixSeconds > 0 {
            lines.append(
                "first copies begin at \(HumanUnits.time(unixMilliseconds: min(initialNotBeforeUnixSeconds, 1 << 40) * 1_000))"
            )
        }
        return lines
    }
}
