import Foundation
import LocalSites
import MessageBus
import Messages
import TestGuest
import Testing

/// A guest whose file systems are frozen when its host agent is killed: nothing of ours is left to thaw it but the
/// watchdog's child process. The guest itself says, by its own clock, how long it was frozen.
@Suite(.serialized, .enabled(if: Prerequisites.met, "\(Prerequisites.missing ?? "")"))
struct FreezeTests {
    /// What the policy freezes for at most. The watchdog's child ends a freeze when it notices that the agent is dead, which
    /// is long before; without it the guest would be frozen for longer than this.
    private static let limitMilliseconds: UInt64 = 20_000

    @Test(.timeLimit(.minutes(8)), arguments: [true, false])
    func aGuestThawsWithinItsLimitWhenItsAgentIsKilled(embedded: Bool) async throws {
        let name = embedded ? "thawe" : "thaws"
        try await Scenario.run(
            name, disks: [64 << 20], recordsPerSecond: 20, fileSystemBytes: 64 << 20, withOracle: false,
            embedded: embedded
        ) { two, guest in
            try #require(
                guest.image.hasGuestAgent, "qemu-guest-agent is not installed: run Scripts/install-prerequisites")
            _ = try await guest.console.wait(for: "guest agent on", within: .seconds(5))
            try await two.bascule("policy", "set", "end-to-end", "--freeze-limit", "\(Self.limitMilliseconds)")
            let protection = try await two.client.protect(guest.name).id
            let newest = try await two.client.waitForPoint(after: 0, of: protection, within: .seconds(90))

            let mark = try await killWhileFrozen(two, guest, protection)
            let thawed = try await guest.console.wait(
                for: "file systems thaw", after: mark, within: .seconds(30))
            let frozen = try await guest.console.wait(for: "file systems freeze", after: mark, within: .seconds(1))
            let took =
                try #require(SerialLog.number("at_ms", in: thawed)) - #require(SerialLog.number("at_ms", in: frozen))
            print("\(name): frozen for \(took) ms when its agent was killed")
            #expect(took < Self.limitMilliseconds)

            // The agent comes back, and replication goes on as if nothing had been. A guest that were still frozen would
            // refuse to freeze again.
            try await two.sites.start("primary")
            try await two.client.waitForPoint(after: newest + 1, of: protection, within: .seconds(90))
            let later = try await two.client.points(protection).last?.cycle ?? 0
            try await two.applicationPoint(of: protection, after: later)
            try await two.quiesce(protection)
            // An embedded guest can be asked from outside only without its agent.
            try await two.sites.stop("primary")
            #expect(try await guest.job == "None")
            let left = try FileManager.default.contentsOfDirectory(atPath: "\(two.sites.options.root)/primary/captures")
            #expect(left == [])
            #expect(guest.console.writeErrors == [])
        }
    }

    /// Nobody asks for them: the policy does, every five seconds, and what is made between them freezes nothing. The guest
    /// itself says how often it was frozen.
    @Test(.timeLimit(.minutes(4)))
    func thePolicyFreezesAtItsTimesAndNotBetween() async throws {
        try await Scenario.run(
            "freq", disks: [64 << 20], recordsPerSecond: 20, fileSystemBytes: 64 << 20, withOracle: false
        ) { two, guest in
            try #require(
                guest.image.hasGuestAgent, "qemu-guest-agent is not installed: run Scripts/install-prerequisites")
            _ = try await guest.console.wait(for: "guest agent on", within: .seconds(5))
            let (mark, begun) = (guest.console.mark, Date.now.timeIntervalSince1970 * 1_000)
            try await two.bascule("policy", "set", "end-to-end", "--application-consistent", "5s")
            let protection = try await two.client.protect(guest.name).id
            try await two.client.waitForPoint(after: 0, of: protection, within: .seconds(90))
            _ = try await eventually("four application-consistent points", within: .seconds(120)) {
                try await two.client.points(protection).count { $0.consistency == .application } >= 4 ? true : nil
            }
            try await two.quiesce(protection)
            let points = try await two.client.points(protection)
            let frozen = points.filter { $0.consistency == .application }
            print("freq: application-consistent at \(frozen.map { Int(Double($0.capturedUnixMs) - begun) }) ms")
            for (number, point) in frozen.enumerated() {
                #expect(Double(point.capturedUnixMs) >= begun + Double(number) * 5_000, "never more often than it says")
            }
            let between = points.filter { $0.cycle < frozen.last?.cycle ?? 0 && $0.consistency == .crash }
            #expect(!between.isEmpty, "points every second between them")
            // A freeze that the guest did not manage in its time made a crash-consistent point, and is tried again.
            let freezes = guest.console.count(of: "file systems freeze", after: mark)
            let periods = Int((Date.now.timeIntervalSince1970 * 1_000 - begun) / 5_000)
            #expect(freezes >= frozen.count && freezes <= periods + 1, "\(freezes) in \(periods) times 5 s")
            #expect(guest.console.count(of: "file systems thaw", after: mark) >= freezes)
            #expect(guest.console.writeErrors == [])
        }
    }

    /// Asks for application-consistent points until one is caught in the middle: the agent is halted when the guest says
    /// that it freezes, and killed when no thaw has followed, so that it is frozen for certain.
    ///
    /// - Returns: a mark in the guest's log before the freeze.
    private func killWhileFrozen(_ two: TwoSites, _ guest: TestGuest, _ protection: String) async throws -> Int {
        let agent = try await two.sites.process("primary")
        for _ in 1...10 {
            let mark = guest.console.mark
            try await two.askForApplicationPoint(of: protection)
            do {
                _ = try await guest.console.wait(for: "file systems freeze", after: mark, within: .seconds(15))
            } catch is TestGuestError {
                // Its agent was too slow to answer, so it was not frozen.
                continue
            }
            agent.signal(SIGSTOP)
            do {
                // A thaw that was under way arrives within this; the freeze has been acknowledged by then, too.
                _ = try await guest.console.wait(for: "file systems thaw", after: mark, within: .milliseconds(700))
                agent.signal(SIGCONT)
            } catch is TestGuestError {
                await agent.crash()
                return mark
            }
        }
        throw Command.Failure(description: "in ten attempts the agent was never halted while the guest was frozen")
    }
}
