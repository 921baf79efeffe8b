import Testing

@testable import Policy

/// How long the name of a drained worker is kept.
@Suite struct DrainedWorkersTests {
    static let day = PolicyLimits.drainedForgottenMilliseconds
    static let hour = PolicyLimits.drainedSeenEveryMilliseconds

    @Test func `a name is forgotten a day after it was last there, and not before`() {
        var drained = DrainedWorkers()
        let start = Samples.start
        drained.drain("w", now: start)
        #expect(drained.forgetsAt == start + Self.day)
        #expect(drained.settle(present: ["w"], now: start + Self.hour) == .init(seen: ["w"]))
        #expect(drained.settle(present: [], now: start + (Self.day + Self.hour - 1)) == .init())
        #expect(drained.contains("w"))
        #expect(drained.settle(present: [], now: start + (Self.day + Self.hour)) == .init(forgotten: ["w"]))
        #expect(!drained.contains("w") && drained.count == 0 && drained.forgetsAt == nil)
    }

    @Test func `one that stays there is kept, and stored once an hour`() {
        var drained = DrainedWorkers()
        drained.drain("w", now: Samples.start)
        var stored = 0
        for minute in 1...(3 * 1_440) {
            let changes = drained.settle(present: ["w", "other"], now: Samples.start + Int64(minute) * 60_000)
            stored += changes.seen.count
            #expect(changes.forgotten.isEmpty)
        }
        #expect(stored == 72)
        #expect(drained.names == ["w"])
    }

    @Test(arguments: [0, 2 * day, 300 * day])
    func `after a start each has an hour to show itself, however long the service was away`(away: Int64) {
        let now = Samples.start + away
        var drained = DrainedWorkers(stored: ["there": Samples.start, "gone": Samples.start], now: now)
        #expect(drained.settle(present: [], now: now + (Self.hour - 1)) == .init())
        _ = drained.settle(present: ["there"], now: now + (Self.hour - 1))
        #expect(drained.settle(present: ["there"], now: now + (Self.day + Self.hour)).forgotten == ["gone"])
        #expect(drained.names == ["there"])
    }

    @Test func `one that was seen by a clock that was ahead is stored anew and forgotten in time`() {
        let ahead = Samples.start + 366 * Self.day
        var drained = DrainedWorkers(stored: ["there": ahead, "gone": ahead], now: Samples.start)
        #expect(drained.settle(present: ["there"], now: Samples.start + Self.hour) == .init(seen: ["there"]))
        let later = Samples.start + (Self.day + Self.hour)
        #expect(drained.settle(present: ["there"], now: later) == .init(seen: ["there"], forgotten: ["gone"]))
    }

    @Test func `what was stored up to an hour late is not forgotten early`() {
        // Seen until an hour after it was stored; the service starts again at once.
        let now = Samples.start + Self.hour
        var drained = DrainedWorkers(stored: ["w": Samples.start], now: now)
        #expect(drained.settle(present: [], now: now + (Self.day - 1)) == .init())
        #expect(drained.settle(present: [], now: now + Self.day) == .init(forgotten: ["w"]))
    }

    @Test func `the board forgets it, wakes for that, and has room for others again`() throws {
        var board = JobBoard(seed: 1)
        var now = Samples.start
        for number in 0..<PolicyLimits.workersMaximum {
            try Self.come("w\(number)", to: &board, now: now)
            #expect(try board.drain("w\(number)", now: now))
        }
        now = now + (PolicyLimits.workerForgottenMilliseconds + PolicyLimits.pullWaitMillisecondsMaximum)
        _ = board.settle(now: now)
        _ = board.settle(now: now + PolicyLimits.workerForgottenMilliseconds)
        try Self.come("late", to: &board, now: now)
        let error = #expect(throws: PolicyError.self) { try board.drain("late", now: now) }
        #expect(error?.code == .resourceExhausted)
        now = now + (Self.day + PolicyLimits.pullWaitMillisecondsMaximum)
        #expect(try #require(board.wakesAt) <= now)
        let forgotten = board.settle(now: now).filter { if case .drainedForgotten = $0 { true } else { false } }
        #expect(forgotten.count == PolicyLimits.workersMaximum)
        #expect(!board.workers(at: now).contains { $0.state == .drained })
        try Self.come("late", to: &board, now: now)
        #expect(try board.drain("late", now: now))
    }

    @Test func `what becomes of a name is stored by the engine`() throws {
        var engine = PolicyEngine(stored: StoredState(), seed: 1, now: Samples.start)
        try Self.come("w", to: &engine.board, now: Samples.start)
        engine.handle(.asked(RequestToken(value: 9), .drainWorker(name: "w")), now: Samples.start)
        #expect(engine.settle(now: Samples.start).changes.contains(.putDrained(worker: "w", seenAt: Samples.start)))
        var now = Samples.start + Self.hour
        try Self.come("w", to: &engine.board, now: now)
        #expect(engine.settle(now: now).changes == [.putDrained(worker: "w", seenAt: now)])
        now = now + 2 * Self.day
        // Its pull and then itself are forgotten first.
        _ = engine.settle(now: now)
        now = now + Self.day
        #expect(engine.settle(now: now).changes.contains(.clearDrained(worker: "w")))
    }

    private static func come(_ worker: String, to board: inout JobBoard, now: PolicyTime) throws {
        let number = UInt64(worker.utf8.reduce(0) { $0 * 131 + Int($1) })
        try board.pull(
            RequestToken(value: number), from: Samples.worker(worker), freeSlots: 1, waitMilliseconds: 20_000,
            now: now)
    }
}
