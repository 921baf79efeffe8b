extension PolicySettings {
    /// Refuses what cannot work, each with one sentence and what to give instead.
    func checkInvariants() throws {
        try checkName()
        guard frequencySeconds >= 1 else {
            throw Self.refusal(
                "Policy \(name) has a copy frequency of 0 seconds.", "Give a frequency from 1 second on, such as 30.")
        }
        guard frequencySeconds <= PolicyLimits.frequencySecondsMaximum else {
            throw Self.refusal(
                "Policy \(name) has a copy frequency of \(frequencySeconds) seconds.",
                "Give at most \(PolicyLimits.frequencySecondsMaximum) seconds (seven days).")
        }
        try checkRetention()
        guard applicationConsistentEverySeconds == 0 || applicationConsistentEverySeconds >= frequencySeconds else {
            throw Self.refusal(
                "Policy \(name) asks for application-consistent points more often than it makes points.",
                "Give 0 for never, or at least the frequency of \(frequencySeconds) seconds.")
        }
        try checkBandwidth()
        guard initialNotBeforeUnixSeconds >= 0, initialNotBeforeUnixSeconds < 1 << 40 else {
            throw Self.refusal("Policy \(name) starts the first replication at no time there is.", "Give 0 for now.")
        }
        guard (1...PolicyLimits.freezeLimitMillisecondsMaximum).contains(freezeLimitMilliseconds) else {
            throw Self.refusal(
                "Policy \(name) would freeze file systems for up to \(freezeLimitMilliseconds) ms.",
                "Give at most \(PolicyLimits.freezeLimitMillisecondsMaximum) ms, or 0 for the default.")
        }
        guard (1...PolicyLimits.shutdownLimitSecondsMaximum).contains(shutdownLimitSeconds) else {
            throw Self.refusal(
                "Policy \(name) would wait \(shutdownLimitSeconds) seconds for a guest to shut down.",
                "Give at most \(PolicyLimits.shutdownLimitSecondsMaximum) seconds, or 0 for the default.")
        }
    }

    private func checkBandwidth() throws {
        let least = PolicyLimits.bandwidthBytesPerSecondMinimum
        for limit in [bandwidthBytesPerSecond] + bandwidthSchedule.windows.map(\.bytesPerSecond)
        where limit != 0 && limit < least {
            throw Self.refusal(
                "Policy \(name) limits the bandwidth to \(limit) bytes per second.",
                "Give 0 for no limit, or at least \(least).")
        }
        guard bandwidthSchedule.windows.count <= PolicyLimits.bandwidthWindowsMaximum else {
            throw Self.refusal(
                "Policy \(name) has \(bandwidthSchedule.windows.count) windows of bandwidth.",
                "Give at most \(PolicyLimits.bandwidthWindowsMaximum).")
        }
        for window in bandwidthSchedule.windows {
            guard (1...127).contains(window.weekdays) else {
                throw Self.refusal(
                    "Policy \(name) has a bandwidth window on no weekday there is.",
                    "Name at least one, Monday to Sunday.")
            }
            guard window.fromMinute < 1_440, (1...1_440).contains(window.toMinute),
                window.fromMinute != window.toMinute
            else {
                throw Self.refusal(
                    "Policy \(name) has a bandwidth window from minute \(window.fromMinute) to \(window.toMinute).",
                    "Begin within the day, end after it begun, or on the next day before the time it began.")
            }
        }
        guard bandwidthSchedule.timeZone.utf8.count <= PolicyLimits.timeZoneCharactersMaximum else {
            throw Self.refusal("Policy \(name) names a time zone that is too long.", "Give one as in Europe/Berlin.")
        }
    }

    private func checkName() throws {
        guard !name.isEmpty else { throw Self.refusal("A policy needs a name.", "Give one, such as gold.") }
        let legal = name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                true
            default:
                false
            }
        }
        // The vault's rule for names too, because a pair of clouds must be able to name every policy.
        let beginsWell = name.utf8.first.map {
            ![UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ".")].contains($0)
        }
        guard legal, beginsWell == true, name.utf8.count <= PolicyLimits.policyNameCharactersMaximum else {
            throw Self.refusal(
                "The policy's name is too long or has other characters than letters, digits, '-', '_' and '.'.",
                "Begin with a letter or digit, and give at most \(PolicyLimits.policyNameCharactersMaximum) characters."
            )
        }
    }

    private func checkRetention() throws {
        guard retention.everyCycleSeconds > 0 || retention.hourlySeconds > 0 || retention.dailySeconds > 0 else {
            throw Self.refusal(
                "Policy \(name) keeps no recovery point at all.", "Say how long every cycle's point is kept.")
        }
        let longest = max(retention.everyCycleSeconds, retention.hourlySeconds, retention.dailySeconds)
        guard longest <= PolicyLimits.retentionSecondsMaximum else {
            throw Self.refusal(
                "Policy \(name) keeps points for \(longest) seconds.",
                "Give at most \(PolicyLimits.retentionSecondsMaximum) seconds (ten years).")
        }
        // Each band begins where the one before ends; one that ends earlier would be empty and is a slip of the pen.
        guard retention.hourlySeconds == 0 || retention.hourlySeconds >= retention.everyCycleSeconds else {
            throw Self.refusal(
                "Policy \(name) keeps hourly points for less time than every cycle's.",
                "Give hourly 0, or at least \(retention.everyCycleSeconds) seconds.")
        }
        let before = max(retention.everyCycleSeconds, retention.hourlySeconds)
        guard retention.dailySeconds == 0 || retention.dailySeconds >= before else {
            throw Self.refusal(
                "Policy \(name) keeps daily points for less time than more frequent ones.",
                "Give daily 0, or at least \(before) seconds.")
        }
    }

    private static func refusal(_ message: String, _ remedy: String) -> PolicyError {
        PolicyError(.invalidArgument, message, remedy: remedy)
    }
}
