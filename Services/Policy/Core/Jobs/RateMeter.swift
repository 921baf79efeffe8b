/// Bytes per second over the last few seconds, from counters that only rise.
struct RateMeter: Hashable, Sendable {
    private var samples: [Sample] = []

    private struct Sample: Hashable, Sendable {
        /// Since when these bytes were moved: they were when they are told, so they belong to the time before.
        var since: PolicyTime
        var at: PolicyTime
        var bytes: UInt64
    }

    /// Eight seconds of samples a second apart: long enough to be calm, short enough to follow.
    private static let windowMilliseconds: Int64 = 8_000
    private static let samplesMaximum = 16
    /// What is told for the first time, or after a silence, was moved in this time: reports come every second.
    private static let firstMilliseconds: Int64 = 1_000

    mutating func add(_ bytes: UInt64, at now: PolicyTime) {
        if let last = samples.last, now - last.at < 500 {
            let (sum, overflow) = last.bytes.addingReportingOverflow(bytes)
            samples[samples.count - 1].bytes = overflow ? .max : sum
        } else {
            let before = samples.last.map(\.at).flatMap { now - $0 > Self.windowMilliseconds ? nil : $0 }
            samples.append(Sample(since: before ?? now + (-Self.firstMilliseconds), at: now, bytes: bytes))
        }
        samples.removeAll { now - $0.at > Self.windowMilliseconds }
        if samples.count > Self.samplesMaximum { samples.removeFirst(samples.count - Self.samplesMaximum) }
    }

    func bytesPerSecond(at now: PolicyTime) -> UInt64 {
        let recent = samples.filter { now - $0.at <= Self.windowMilliseconds }
        guard let first = recent.first else { return 0 }
        let bytes = recent.reduce(0.0) { $0 + Double($1.bytes) }
        return UInt64(min(bytes * 1_000 / Double(max(1_000, now - first.since)), 1e18))
    }
}
