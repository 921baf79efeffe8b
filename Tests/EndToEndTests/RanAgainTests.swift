import FoundationEssentials
import LocalSites
import MessageBus
import Messages
import TestGuest
import Testing

/// A real guest that somebody starts and shuts down once more after it was stopped for its failover. It is off as it was
/// left, and its images alone tell that it ran.
@Suite(.serialized, .enabled(if: Prerequisites.met, "\(Prerequisites.missing ?? "")"))
struct RanAgainTests {
    /// libvirt and QEMU leave its images alone while it is off, and so do captures; a start and a shutdown do not.
    @Test(.timeLimit(.minutes(4)))
    func itsSourceTellsOfItAndOfNothingElse() async throws {
        try await Scenario.run("ra", disks: [64 << 20, 48 << 20], recordsPerSecond: 0, recordAreaBytes: 32 << 20) {
            two, guest in
            let protection = try await two.client.protect(guest.name).id
            try await two.client.waitForPoint(after: 0, of: protection, within: .seconds(90))
            try await stop(guest, protection, two)
            let alarm = { try await two.side(of: protection, guest: guest, at: two.client.primary).alarm }
            #expect(try await alarm().isEmpty)
            // Of its end, and of it off.
            let newest = try await two.freshPoint(of: protection)
            try await two.client.waitForPoint(after: newest + 1, of: protection, within: .seconds(60))
            #expect(try await alarm().isEmpty)
            try await guest.start()
            #expect(try await alarm().isEmpty)
            try await guest.shutDown()
            let told = try await alarm()
            #expect(told.contains("ran again") && told.contains("vda, vdb"), "\(told)")
            try await stop(guest, protection, two)
            #expect(try await alarm().isEmpty)
        }
    }

    /// What it wrote after its last changes were fetched is nowhere else, so it runs on where it wrote it.
    @Test(.timeLimit(.minutes(6)))
    func itsFailoverIsTakenBackAndTheNextOneLosesNothing() async throws {
        try await Scenario.run(
            "rb", disks: [64 << 20, 48 << 20], recordsPerSecond: 100, recordAreaBytes: 32 << 20, orchestrator: true
        ) { two, guest in
            let protection = try await two.client.protect(guest.name).id
            let newest = try await two.client.waitForPoint(after: 2, of: protection, within: .seconds(90))
            let mark = guest.console.mark
            let begun = try await two.client.begin(.planned, protection)
            _ = try await guest.ports.waitUntilPoweredOff(after: mark)
            // The last changes are fetched without the run, so that it hears of them only when the guest has run again.
            try two.oracle.holdCaptures()
            _ = try await eventually("its last changes are being fetched", within: .seconds(30)) {
                two.oracle.holdsCapture ? true : nil
            }
            try await two.sites.crash("orchestrator")
            try two.oracle.letCapturesGo()
            _ = try await eventually("they are fetched", within: .seconds(60)) {
                try await two.client.history(protection).contains {
                    $0.cycle > newest && $0.offline && !$0.hasError
                } ? true : nil
            }
            let fetched = try await guest.start()
            try await guest.ports.countOn(from: fetched)
            let written = try await guest.ports.powerOff()
            _ = try await eventually("it is off again", within: .seconds(30)) {
                try await guest.state() == "shut off" ? true : nil
            }
            let homeMark = guest.console.mark
            try await two.sites.start("orchestrator")

            let run = try await two.client.finish(begun, within: .seconds(90))
            #expect(run.state == .failed && run.sentence.contains("ran again"), "\(run.sentence)")
            #expect(try await guest.waitUntilReady(after: homeMark, within: .seconds(60)) == written)
            let back = try await two.waitUntil("protected again", protection) { $0.state == .protected }
            #expect(back.generation == 1 && back.activeSide == .source)

            let lastMark = guest.console.mark
            try await two.succeed(.planned, protection)
            let last = try await guest.ports.waitUntilPoweredOff(after: lastMark)
            let away = two.replica(of: guest, protection, "failover")
            #expect(try await away.waitUntilReady(within: .seconds(60)) == last && last >= written, "nothing is lost")
        }
    }

    private func stop(_ guest: TestGuest, _ protection: String, _ two: TwoSites) async throws {
        var request = StopGuest()
        request.protection = protection
        request.guestUuid = guest.uuid.uuidString.lowercased()
        _ = try await two.client.primary.agent(.stopGuest(request), generation: 1, deadline: .seconds(130))
        #expect(try await guest.state() == "shut off")
    }
}
