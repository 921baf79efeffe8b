import Foundation
import LocalSites
import Messages
import TestGuest
import Testing

/// One guest on its way between two sites, again and again, with a service killed in each of its runs. What the guest
/// finds on its disks after each is compared with what it wrote before.
final class KilledJourney {
    let two: TwoSites
    let guest: TestGuest
    let protection: String
    private(set) var kills = 0
    private(set) var takenBack = 0
    /// The cycle after which every listed point was captured at the guest's home.
    private(set) var homeSince: UInt64 = 0
    private var number = 0

    static let runsPerLap = 11

    private var away: GuestPorts { two.replica(of: guest, protection, "failover") }

    init(two: TwoSites, guest: TestGuest, protection: String) {
        self.two = two
        self.guest = guest
        self.protection = protection
    }

    /// From home, through every kind of run, and home again.
    func lap(_ lap: Int) async throws {
        number = lap
        try await test()
        try await move()
        try await home()
        let taken = try await lose()
        try await changePoint(before: taken)
        try await cancel()
        let cycle = try await lose()
        try await succeed(.commit)
        try await two.waitUntil("committed", protection) { $0.state == .committed }
        try await succeed(.reverse)
        try await two.waitUntilProtected(.reverse, protection, after: cycle)
        try await expectAway()
        try await home()
    }

    // MARK: Acts

    private func test() async throws {
        let run = try await succeed(.test) { $0.point = .latest }
        let copy = two.replica(of: guest, protection, "test")
        let found = try await copy.waitUntilReady()
        #expect(found == (try await two.newestRecord(of: guest, protection: protection, cycle: run.cycle)))
        try await expectHome()
        try await succeed(.cleanup)
        let folder = two.sites.startedReplica(of: protection, at: "secondary", purpose: "test")
        #expect(!FileManager.default.fileExists(atPath: folder))
        #expect(try SecondaryHypervisor.processes(mentioning: folder).map(\.command) == [])
        try await expectHome()
    }

    /// Planned: nothing is lost.
    private func move() async throws {
        var mark = guest.console.mark
        let run = try await succeed(
            .planned,
            takenBack: {
                // Its source runs again, and is shut down another time.
                try await expectHome()
                mark = guest.console.mark
            })
        let last = try await guest.ports.waitUntilPoweredOff(after: mark)
        #expect(try await away.waitUntilReady() == last, "nothing is lost")
        try await away.countOn(from: last)
        try await two.waitUntilProtected(.reverse, protection, after: run.cycle)
        try await expectAway()
    }

    /// Failback: nothing is lost on the way home, either.
    private func home() async throws {
        var log = try HeldLog(of: away)
        let mark = guest.console.mark
        let run = try await succeed(
            .failback,
            takenBack: {
                try await expectAway()
                log = try HeldLog(of: away)
            })
        let found = try await guest.waitUntilReady(after: mark, within: .seconds(60))
        #expect(try log.lastAtPowerOff() == found, "nothing is lost")
        try await guest.ports.countOn(from: found)
        try await two.waitUntilProtected(.forward, protection, after: run.cycle)
        homeSince = run.cycle
        try await expectHome()
    }

    /// Unplanned, with the source alive, which is fenced.
    private func lose() async throws -> UInt64 {
        // Two points at least that were made since it came home, to change to.
        for _ in 0..<3 { try await two.freshPoint(of: protection) }
        let run = try await succeed(.unplanned) {
            $0.point = .latest
        } takenBack: {
            try await expectHome()
        }
        try await expectAt(run.cycle)
        _ = try await eventually("the source's guest is shut down", within: .seconds(60)) {
            try await guest.state() == "shut off" ? true : nil
        }
        try await expectAway()
        return run.cycle
    }

    private func changePoint(before taken: UInt64) async throws {
        let points = try await two.client.points(protection).map(\.cycle).filter { $0 < taken && $0 > homeSince }
        let older = try #require(points.last)
        try await succeed(.changePoint) {
            $0.point = .cycle
            $0.cycle = older
        } takenBack: {
            try await expectAway()
        }
        try await expectAt(older)
        try await expectAway()
    }

    private func cancel() async throws {
        let mark = guest.console.mark
        let last = guest.console.lastCommitted
        try await succeed(.cancel)
        #expect(try await guest.waitUntilReady(after: mark) == last, "the source has what it wrote")
        try await guest.ports.countOn(from: last)
        let newest = try await two.client.status(protection)?.newestCycle ?? 0
        try await two.waitUntilProtected(.forward, protection, after: newest)
        try await expectHome()
    }

    // MARK: What holds after each

    private func expectAt(_ cycle: UInt64) async throws {
        let found = try await away.waitUntilReady()
        #expect(found == (try await two.newestRecord(of: guest, protection: protection, cycle: cycle)))
        try await away.countOn(from: found)
    }

    /// The guest runs at its home and nowhere else.
    private func expectHome() async throws {
        #expect(try await guest.state() == "running")
        #expect(try emulatorsAway().isEmpty, "no failed-over guest runs at the secondary")
    }

    private func expectAway() async throws {
        #expect(try await guest.state() == "shut off")
        #expect(try emulatorsAway().count == 1, "one failed-over guest runs at the secondary")
    }

    private func emulatorsAway() throws -> [String] {
        let folder = two.sites.startedReplica(of: protection, at: "secondary", purpose: "failover")
        return try SecondaryHypervisor.processes(mentioning: folder).map(\.command)
            .filter { $0.contains("qemu-system") }
    }

    // MARK: Runs

    /// One run with a kill in it; when that had it taken back, another without.
    @discardableResult
    private func succeed(
        _ kind: RunKind, _ fill: (inout StartRun) -> Void = { _ in }, takenBack check: () async throws -> Void = {}
    ) async throws -> Run {
        let table = ServiceKill.all(of: try await two.foreseen(kind, protection, fill))
        // Another service and another step in each run and lap; all of them when there are as many laps.
        let position = kills % Self.runsPerLap
        let kill = table[(number * Self.stride(for: table.count) + position * 3) % table.count]
        let (run, hit) = try await two.perform(kill, protection, fill)
        kills += 1
        print("\(kill) (\(hit)): \(run.state) \(run.sentence)")
        guard run.state == .failed else { return run }
        #expect(!run.sentence.isEmpty && !run.remedy.isEmpty, "it says why, and what to do")
        takenBack += 1
        try await check()
        return try await two.succeed(kind, protection, fill)
    }

    /// So far apart that laps after each other meet different steps, and with no common divisor, so that they meet all.
    private static func stride(for count: Int) -> Int {
        (count / 3...count).first { candidate in
            var (left, right) = (candidate, count)
            while right != 0 { (left, right) = (right, left % right) }
            return left == 1
        } ?? 1
    }
}

/// The console log of a started replica, which stays readable here when its folder goes with the replica.
private struct HeldLog {
    private let file: FileHandle
    private let mark: UInt64

    init(of ports: GuestPorts) throws {
        file = try FileHandle(forReadingFrom: URL(fileURLWithPath: ports.consolePath))
        mark = try file.seekToEnd()
    }

    /// The last record that the guest says it wrote when it went down since this was opened; nil: it did not go down.
    func lastAtPowerOff() throws -> UInt64? {
        try file.seek(toOffset: mark)
        let text = String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
        return text.split(whereSeparator: \.isNewline).last { $0.contains("bascule-guest: power off") }
            .flatMap { SerialLog.number("last", in: String($0)) }
    }
}
