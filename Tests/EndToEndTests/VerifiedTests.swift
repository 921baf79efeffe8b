import Foundation
import LocalSites
import MessageBus
import Messages
import TestGuest
import Testing

/// A test failover of a real guest proves its point, and a disaster goes back to exactly that one.
@Suite(.serialized, .enabled(if: Prerequisites.met, "\(Prerequisites.missing ?? "")"))
struct VerifiedTests {
    @Test(.timeLimit(.minutes(6)))
    func aTestWhoseGuestAnswersMakesItsPointTheOneToFailOverTo() async throws {
        try await Scenario.run(
            "fv", disks: [64 << 20], recordsPerSecond: 100, recordAreaBytes: 32 << 20, orchestrator: true
        ) { two, guest in
            try #require(
                guest.image.hasGuestAgent, "qemu-guest-agent is not installed: run Scripts/install-prerequisites")
            let protection = try await two.client.protect(guest.name).id
            try await two.client.waitForPoint(after: 4, of: protection, within: .seconds(90))
            try await expectNone(two, guest, protection)
            let tested = try await test(two, guest, protection)
            try await loseThePrimary(two, guest, protection, tested)
        }
    }

    /// Before anything was tested there is nothing to fail over to, and the refusal says what to do.
    private func expectNone(_ two: TwoSites, _ guest: TestGuest, _ protection: String) async throws {
        #expect(try await two.client.points(protection).allSatisfy { !$0.verified })
        let run = try await two.client.perform(.test, protection) { $0.point = .latestVerified }
        #expect(run.state == .failed && run.remedy.contains("--test"), "\(run.sentence) \(run.remedy)")
        #expect(!(try await two.side(of: protection, guest: guest, at: two.client.secondary)).hasTest)
    }

    /// - Returns: the point that was tested.
    private func test(_ two: TwoSites, _ guest: TestGuest, _ protection: String) async throws -> RecoveryPoint {
        let run = try await two.succeed(.test, protection) { $0.point = .latest }
        let copy = two.replica(of: guest, protection, "test")
        _ = try await copy.waitUntilReady(within: .seconds(60))
        let point = try await eventually("the guest's agent has answered", within: .seconds(60)) {
            try await two.client.points(protection).first { $0.cycle == run.cycle && $0.verified }
        }
        #expect(point.verifiedBy == .guestAgent)
        #expect(point.verifiedUnixMs > run.startedUnixMs)
        #expect(try await two.side(of: protection, guest: guest, at: two.client.secondary).test.verified)
        let cleanup = try await two.succeed(.cleanup, protection)
        #expect(cleanup.steps.last?.detail == "Point \(run.cycle) is verified.")
        return point
    }

    private func loseThePrimary(
        _ two: TwoSites, _ guest: TestGuest, _ protection: String, _ tested: RecoveryPoint
    ) async throws {
        let expected = try await two.newestRecord(of: guest, protection: protection, cycle: tested.cycle)
        try await two.client.waitForPoint(after: tested.cycle + 4, of: protection, within: .seconds(60))
        for place in [
            [guest.name, "--vault", two.client.vault.endpoint],
            ["--replica", "\(two.sites.replicas(of: "secondary"))/\(protection)"],
        ] {
            let listed = try await Command.run(["\(TwoSites.binaries)/bascule", "points", "--json"] + place)
            #expect(listed.components(separatedBy: #""verified":true"#).count == 2, "one is verified: \(listed)")
            #expect(listed.contains(#""verifiedBy":"guestAgent""#))
        }
        try await guest.killEmulator()
        try await two.sites.crash("primary")
        let run = try await two.succeed(.unplanned, protection) { $0.point = .latestVerified }
        #expect(run.cycle == tested.cycle)
        let away = two.replica(of: guest, protection, "failover")
        #expect(try await away.waitUntilReady(within: .seconds(60)) == expected, "what was tested, and nothing newer")
        try await away.countOn(from: expected)
    }
}
