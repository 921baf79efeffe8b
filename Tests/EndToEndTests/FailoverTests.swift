import Foundation
import LocalSites
import MessageBus
import Messages
import TestGuest
import Testing

/// A real guest changes sides and comes home, judged by the records that it writes itself: every one of them is there,
/// whole and in order, up to where the kind of failover promises.
@Suite(.serialized, .enabled(if: Prerequisites.met, "\(Prerequisites.missing ?? "")"))
struct FailoverTests {
    /// Tested beside replication, then moved, then brought home.
    @Test(.timeLimit(.minutes(8)))
    func aGuestIsTestedThenMovedAndBroughtHome() async throws {
        try await run("fp") { two, guest in
            let protection = try await two.client.protect(guest.name).id
            try await testBesideReplication(two, guest, protection)
            try await moveAndBringHome(two, guest, protection)
        }
    }

    /// Taken back as if nothing had been, then for good.
    @Test(.timeLimit(.minutes(8)))
    func anUnplannedFailoverIsTakenBackAndAnotherCommitted() async throws {
        try await run("fu") { two, guest in
            try await two.setFencing(.shutDown)
            let protection = try await two.client.protect(guest.name).id
            try await changePointAndTakeBack(two, guest, protection)
            try await loseThePrimaryAndCommit(two, guest, protection)
        }
    }

    /// How a site comes back.
    enum Return: CaseIterable, Sendable {
        /// Its guest runs, and is left alone until the reversal shuts it down.
        case running
        /// Its guest runs, and is shut down by the fence.
        case fenced
        /// Its QEMU was killed meanwhile, so nobody stored its bitmaps.
        case killed
    }

    /// A site comes back with its guest running: it is told to stop, or both are shown, and one command resolves it. What
    /// the guest wrote there is found by its bitmap, when QEMU could store it.
    @Test(.timeLimit(.minutes(8)), arguments: Return.allCases)
    func aReturningSourceIsFenced(return way: Return) async throws {
        try await run("ff", disks: [64 << 20]) { two, guest in
            try await two.setFencing(way == .running ? .alarm : .shutDown)
            let protection = try await two.client.protect(guest.name).id
            // What a comparison would have to read.
            try await guest.ports.tell("random 24 3")
            try await two.client.waitForPoint(after: 3, of: protection, within: .seconds(90))
            // Cut off, not dead: the agent is gone, the guest writes on.
            try await two.sites.crash("primary")
            let run = try await two.succeed(.unplanned, protection) { $0.point = .latest }
            let away = two.replica(of: guest, protection, "failover")
            let found = try await away.waitUntilReady(within: .seconds(60))
            try await away.countOn(from: found)
            #expect(try await guest.state() == "running")
            if way == .killed { try await guest.killEmulator() }

            try await two.sites.start("primary")
            switch way {
            case .killed: break
            case .fenced:
                _ = try await eventually("the source's guest is shut down", within: .seconds(60)) {
                    try await guest.state() == "shut off" ? true : nil
                }
            case .running:
                let alarmed = try await two.waitUntil("both sides are shown", protection) { !$0.alarm.isEmpty }
                #expect(alarmed.alarm.contains("primary") && alarmed.alarm.contains("secondary"))
                #expect(try await guest.state() == "running")
            }
            _ = try await eventually("the source is told", within: .seconds(60)) { () -> Bool? in
                do {
                    let side = try await two.side(of: protection, guest: guest, at: two.client.primary)
                    return !side.active && side.generation == 2 ? true : nil
                } catch is RemoteError {
                    // It has only just been started.
                    return nil
                }
            }

            try await two.succeed(.reverse, protection) { $0.keepDiverged = true }
            #expect(try await guest.state() == "shut off")
            try await two.waitUntilProtected(.reverse, protection, after: run.cycle)
            try await checkFirstCycleBack(two, guest, protection, after: run.cycle, way)
            let newest = try await two.freshPoint(of: protection)
            let resolved = try await two.waitUntil("the alarm is over", protection) { $0.alarm.isEmpty }
            #expect(resolved.generation == 2)
            let kept = try await Command.run(["qemu-img", "snapshot", "-U", "-l", guest.diskPath(0)])
            #expect(kept.contains("bascule"), "what the old side wrote after the point is kept: \(kept)")
            #expect(
                try await two.newestRecord(
                    of: guest, protection: protection, cycle: newest, at: two.client.primary) > found)
        }
    }

    /// It brings what either side wrote since, and leaves alone what is known to be equal; or it compares, and says why.
    private func checkFirstCycleBack(
        _ two: TwoSites, _ guest: TestGuest, _ protection: String, after cycle: UInt64, _ way: Return
    ) async throws {
        let back = try await two.client.history(protection).filter { $0.cycle > cycle && !$0.hasError }
        let first = try #require(back.min { $0.cycle < $1.cycle })
        print("\(way): \(first.kind), \(first.changedBytes) changed, \(first.sentBytes) sent \(first.reason)")
        switch way {
        case .running, .fenced:
            #expect(first.kind == .incremental && first.reason.isEmpty)
            #expect(first.changedBytes > 0 && first.changedBytes < 24 << 20, "the random bytes are not brought")
        case .killed:
            #expect(first.kind == .compare)
            #expect(first.reason.contains("bitmap"), "\(first.reason)")
        }
        try await two.quiesce(protection)
        let (compared, faults) = try await two.comparePoints(
            of: protection, disks: ["vda"], after: cycle, at: two.client.primary)
        #expect(faults == [] && compared.count >= 1)
        try await two.client.changeState(protection, to: .protected)
    }

    // MARK: Acts

    /// Production counts on, points go on, and what the replica held is byte for byte what it was.
    private func testBesideReplication(_ two: TwoSites, _ guest: TestGuest, _ protection: String) async throws {
        let newest = try await two.client.waitForPoint(after: 4, of: protection, within: .seconds(90))
        let before = try await two.replicaHashes(protection)
        let writtenBefore = guest.console.lastCommitted

        let run = try await two.succeed(.test, protection) { $0.point = .latest }
        let copy = two.replica(of: guest, protection, "test")
        let found = try await copy.waitUntilReady(within: .seconds(60))
        #expect(found > 0 && found <= guest.console.lastCommitted)
        #expect(found == (try await two.newestRecord(of: guest, protection: protection, cycle: run.cycle)))
        // The copy has a life of its own.
        try await copy.tell("random 8 7")
        try await copy.tell("rate 50")
        _ = try await eventually("the copy counts on", within: .seconds(30)) {
            copy.console.lastCommitted > found ? true : nil
        }
        let second = await #expect(throws: RemoteError.self) {
            try await two.client.begin(.test, protection) { $0.point = .latest }
        }
        #expect(second?.remedy.isEmpty == false)
        let during = try await two.client.waitForPoint(after: newest + 5, of: protection, within: .seconds(30))
        #expect(guest.console.lastCommitted > writtenBefore)

        try await two.succeed(.cleanup, protection)
        let folder = two.sites.startedReplica(of: protection, at: "secondary", purpose: "test")
        #expect(!FileManager.default.fileExists(atPath: folder))
        #expect(try SecondaryHypervisor.processes(mentioning: folder).map(\.command) == [])
        #expect(!(try await two.side(of: protection, guest: guest, at: two.client.secondary)).hasTest)
        let after = try await two.replicaHashes(protection)
        for (file, hash) in before { #expect(after[file] == hash, "\(file) is what it was") }

        try await two.client.waitForPoint(after: during + 1, of: protection, within: .seconds(30))
        #expect(try await two.client.protection(protection)?.generation == 1)
        try await two.quiesce(protection)
        // Those that were made while the copy ran, and the ones around them.
        let (compared, faults) = try await two.comparePoints(of: protection, disks: ["vda", "vdb"], after: newest)
        #expect(faults == [] && compared.count >= 6)
        #expect(guest.console.writeErrors == [])
        #expect(try await Leftovers.find(of: guest, in: two.sites, protection: protection) == [])
        try await two.client.changeState(protection, to: .protected)
    }

    /// Out and home: the first record on each side is the last of the other plus one.
    private func moveAndBringHome(_ two: TwoSites, _ guest: TestGuest, _ protection: String) async throws {
        try await guest.setAutostart(true)
        let definition = try await guest.inactiveDefinition()
        let mark = guest.console.mark
        let out = try await two.succeed(.planned, protection)
        let last = try await guest.ports.waitUntilPoweredOff(after: mark)
        let away = two.replica(of: guest, protection, "failover")
        #expect(try await away.waitUntilReady(within: .seconds(60)) == last, "nothing is lost")
        #expect(out.rpoMs == 0)
        try await away.countOn(from: last)
        try await two.waitUntilProtected(.reverse, protection, after: out.cycle)
        #expect(try await two.client.protection(protection)?.generation == 2)
        #expect(try await guest.state() == "shut off")
        #expect(try await guest.startsWithHost() == false, "the losing side does not start it with the host")
        let back = try await two.newestRecord(
            of: guest, protection: protection, cycle: try await two.freshPoint(of: protection),
            at: two.client.primary)
        #expect(back > last, "what was written at the secondary is at the primary")

        let awayMark = away.console.mark
        let homeMark = guest.console.mark
        // Read while it happens, because the folder of the started replica goes.
        async let poweredOff = away.waitUntilPoweredOff(after: awayMark, within: .seconds(150))
        let home = try await two.succeed(.failback, protection)
        let lastAway = try await poweredOff
        #expect(try await guest.waitUntilReady(after: homeMark, within: .seconds(60)) == lastAway)
        #expect(home.rpoMs == 0)
        #expect(try await guest.inactiveDefinition() == definition, "it runs on its own disks and definition")
        #expect(try await guest.startsWithHost() == true)
        try await guest.ports.countOn(from: lastAway)
        try await two.waitUntilProtected(.forward, protection, after: home.cycle)
        let newest = try await two.freshPoint(of: protection)
        #expect(try await two.client.protection(protection)?.generation == 3)
        #expect(
            try await two.newestRecord(of: guest, protection: protection, cycle: newest) > lastAway,
            "unbroken across both journeys")
        try await two.quiesce(protection)
        let (compared, faults) = try await two.comparePoints(
            of: protection, disks: ["vda", "vdb"], after: home.cycle)
        #expect(faults == [] && compared.count >= 2)
        #expect(guest.console.writeErrors == [])
    }

    /// Another point instead, and then all of it taken back.
    private func changePointAndTakeBack(_ two: TwoSites, _ guest: TestGuest, _ protection: String) async throws {
        try await two.client.waitForPoint(after: 6, of: protection, within: .seconds(90))
        let mark = guest.console.mark
        let first = try await two.succeed(.unplanned, protection) { $0.point = .latest }
        // The source answers, so it is fenced at once.
        let lastAtSource = try await guest.ports.waitUntilPoweredOff(after: mark)
        let away = two.replica(of: guest, protection, "failover")
        try await away.countOn(from: try await away.waitUntilReady(within: .seconds(60)))

        let points = try await two.client.points(protection).filter { $0.cycle < first.cycle }
        let older = try #require(points.dropLast().last)
        let expected = try await two.newestRecord(of: guest, protection: protection, cycle: older.cycle)
        try await two.succeed(.changePoint, protection) {
            $0.point = .cycle
            $0.cycle = older.cycle
        }
        #expect(try await away.waitUntilReady(within: .seconds(60)) == expected)
        #expect(try await two.client.protection(protection)?.failoverCycle == older.cycle)
        #expect(try await two.client.protection(protection)?.state == .commitPending)

        let homeMark = guest.console.mark
        try await two.succeed(.cancel, protection)
        #expect(try await guest.waitUntilReady(after: homeMark, within: .seconds(60)) == lastAtSource)
        let back = try await two.waitUntil("protected again", protection) { $0.state == .protected }
        #expect(back.generation == 3 && back.activeSide == .source && back.direction == .forward)
        let folder = two.sites.startedReplica(of: protection, at: "secondary", purpose: "failover")
        #expect(try SecondaryHypervisor.processes(mentioning: folder).map(\.command) == [])
        let newest = try await two.client.waitForPoint(after: first.cycle, of: protection, within: .seconds(90))
        try await two.quiesce(protection)
        #expect(try await two.comparePoints(of: protection, disks: ["vda", "vdb"], after: newest - 1).faults == [])
        try await two.client.changeState(protection, to: .protected)
    }

    /// The primary dies whole; everything up to the point is there, and commit leaves that point alone.
    private func loseThePrimaryAndCommit(_ two: TwoSites, _ guest: TestGuest, _ protection: String) async throws {
        let before = try #require(try await two.client.protection(protection)?.generation)
        try await guest.ports.countOn(from: guest.console.lastCommitted)
        try await two.freshPoint(of: protection)
        try await guest.killEmulator()
        try await two.sites.crash("primary")
        let written = guest.console.lastCommitted

        let run = try await two.succeed(.unplanned, protection) {
            $0.point = .latest
            $0.reachSource = true
        }
        let away = two.replica(of: guest, protection, "failover")
        let found = try await away.waitUntilReady(within: .seconds(60))
        // The checker has gone over every record up to it.
        #expect(found == (try await two.newestRecord(of: guest, protection: protection, cycle: run.cycle)))
        #expect(found > 0 && run.rpoMs >= 0)
        #expect(written < found + 100 * 30, "about as much as the age of the newest point stands for")
        let pending = try await two.waitUntil("commit pending", protection) { $0.state == .commitPending }
        #expect(pending.generation == before + 1 && pending.activeSide == .target && pending.failoverCycle == run.cycle)
        try await away.countOn(from: found)

        try await two.succeed(.commit, protection)
        try await two.waitUntil("committed", protection) { $0.state == .committed }
        #expect(try await two.client.points(protection).map(\.cycle).filter { $0 != run.cycle } == [])
        try await away.countOn(from: away.console.lastCommitted)
        #expect(away.console.writeErrors == [])
        try await startAgainWithoutUs(two, guest, protection)
    }

    /// Committed and shut down, it is a guest like any other: libvirt alone starts it, on files, and nothing of ours runs.
    private func startAgainWithoutUs(_ two: TwoSites, _ guest: TestGuest, _ protection: String) async throws {
        let away = two.replica(of: guest, protection, "failover")
        let last = try await away.powerOff()
        let folder = "\(two.sites.replicas(of: "secondary"))/\(protection)"
        _ = try await eventually("its view ends", within: .seconds(30)) {
            try SecondaryHypervisor.processes(mentioning: folder).isEmpty ? true : nil
        }
        try await two.sites.crash("secondary")
        let mark = away.console.mark
        try await SecondaryHypervisor.start(guest.name, in: two.sites.options.root)
        #expect(try await away.waitUntilReady(after: mark, within: .seconds(60)) == last, "nothing is lost")
        let processes = try SecondaryHypervisor.processes(mentioning: folder)
        #expect(processes.count == 1 && processes.allSatisfy { $0.command.contains("qemu-system") })
        #expect(!processes.contains { $0.command.contains("nbd") }, "\(processes)")
        try await away.countOn(from: last)
        #expect(away.console.writeErrors == [])
    }

    private func run(
        _ name: String, disks: [UInt64] = [64 << 20, 48 << 20], _ body: (TwoSites, TestGuest) async throws -> Void
    ) async throws {
        try await Scenario.run(
            name, disks: disks, recordsPerSecond: 100, recordAreaBytes: 32 << 20, orchestrator: true, body)
    }
}
