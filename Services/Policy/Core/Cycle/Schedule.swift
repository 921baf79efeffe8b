/// When a protection's next cycle is due, as a value.
///
/// Due times lie on a grid of the frequency, shifted by a number made from the protection's identifier, because a
/// thousand protections of one frequency must not come due at one instant. The grid never drifts. A cycle that
/// overruns its period is followed at once by one other, however many grid points were missed, and then by the grid.
struct Schedule: Hashable, Sendable {
    private enum Pace: Hashable, Sendable {
        /// The next cycle begins at `dueAt`.
        case regular
        /// The last one failed: the next begins at this time, wherever the grid is.
        case backingOff(until: PolicyTime)
    }

    /// Whether file systems are to be frozen, and when next.
    private enum ApplicationPace: Hashable, Sendable {
        case never
        case every(milliseconds: Int64, next: PolicyTime)
    }

    private var periodMilliseconds: Int64
    private let shift: UInt64
    private var gridDue: PolicyTime
    private var pace: Pace = .regular
    private var backoff = Backoff()
    private var application: ApplicationPace = .never
    private var lastStart: PolicyTime

    init(progress: ProtectionProgress, settings: PolicySettings, now: PolicyTime) {
        shift = Self.hash(progress.protection.text)
        periodMilliseconds = settings.frequencyMilliseconds
        lastStart = now
        gridDue = now
        if let newest = progress.newest, newest.startedAt <= now {
            lastStart = newest.startedAt
            gridDue = gridPoint(after: newest.startedAt)
        } else if progress.lastNumber == 0 {
            gridDue = max(now, .seconds(settings.initialNotBeforeUnixSeconds))
        }
        setApplication(settings, last: progress.lastApplicationAt, now: now)
    }

    /// When the next cycle may begin.
    var dueAt: PolicyTime {
        switch pace {
        case .regular: gridDue
        case .backingOff(let until): until
        }
    }

    /// When a cycle that was asked for may begin: at once, unless the last one failed.
    var askedDueAt: PolicyTime {
        switch pace {
        case .regular: min(gridDue, lastStart)
        case .backingOff(let until): until
        }
    }

    /// What the next cycle, beginning now, is to reach where nobody asked for more.
    func consistency(at now: PolicyTime) -> Consistency {
        switch application {
        case .never: return .crash
        case .every(_, let next): return next <= now ? .application : .crash
        }
    }

    mutating func started(at now: PolicyTime) {
        lastStart = now
        pace = .regular
        gridDue = gridPoint(after: now)
    }

    /// A cycle has committed; `reached` is nil where it was not asked to freeze.
    mutating func succeeded(asked: Consistency, reached: Consistency, at now: PolicyTime) {
        backoff.reset()
        pace = .regular
        guard asked == .application, case .every(let every, let next) = application else { return }
        switch reached {
        case .application:
            let missed = max(0, (now - next) / every)
            application = .every(milliseconds: every, next: next <= now ? next + (missed + 1) * every : next)
        case .crash:
            let retry = min(every, PolicyLimits.applicationRetryMilliseconds)
            application = .every(milliseconds: every, next: now + retry)
        }
    }

    mutating func failed(at now: PolicyTime) {
        pace = .backingOff(until: now + backoff.next())
    }

    /// The next cycle begins at once: an operator asked, or the reason of the failure is known and mended by it.
    mutating func hurry(at now: PolicyTime) {
        pace = .regular
        gridDue = now
    }

    /// The policy's settings changed. The next cycle comes no later than the new frequency asks.
    mutating func change(to settings: PolicySettings, progress: ProtectionProgress, now: PolicyTime) {
        if settings.frequencyMilliseconds != periodMilliseconds {
            periodMilliseconds = settings.frequencyMilliseconds
            gridDue = gridPoint(after: lastStart)
        }
        if progress.lastNumber == 0 { gridDue = max(now, .seconds(settings.initialNotBeforeUnixSeconds)) }
        setApplication(settings, last: progress.lastApplicationAt, now: now)
    }

    private mutating func setApplication(_ settings: PolicySettings, last: PolicyTime?, now: PolicyTime) {
        let every = Int64(settings.applicationConsistentEverySeconds) * 1_000
        if every == 0 {
            application = .never
        } else if case .every(every, _) = application {
            return
        } else {
            // A clock that was ahead may have given a time that is still to come.
            application = .every(milliseconds: every, next: last.map { min($0, now) + every } ?? now)
        }
    }

    private func gridPoint(after instant: PolicyTime) -> PolicyTime {
        let period = periodMilliseconds
        let offset = Int64(shift % UInt64(period))
        let since = instant.milliseconds - offset
        let steps = since >= 0 ? since / period : (since - period + 1) / period
        return PolicyTime(milliseconds: (steps + 1) * period + offset)
    }

    /// FNV-1a, because Swift's own hashing differs from run to run.
    private static func hash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
}
