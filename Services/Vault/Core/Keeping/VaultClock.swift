internal import Glibc

/// The driver's clocks.
protocol VaultClock: Sendable {
    func now() -> VaultMoment
}

struct SystemVaultClock: VaultClock {
    func now() -> VaultMoment {
        let wall = Self.read(CLOCK_REALTIME)
        let uptime = Self.read(CLOCK_MONOTONIC)
        return VaultMoment(unixMilliseconds: wall, uptimeMilliseconds: UInt64(uptime))
    }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        let result = clock_gettime(clock, &time)
        precondition(result == 0, "clock_gettime knows both clocks on every Linux")
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
