import Foundation
import LocalSites
import Messages
import TestGuest
import Testing

/// Captures of a guest that is shut off, whose images are served by processes that outlive the agent.
@Suite(.serialized, .enabled(if: Prerequisites.met, "\(Prerequisites.missing ?? "")"))
struct OfflineCaptureTests {
    @Test(.timeLimit(.minutes(6)))
    func anAgentThatIsKilledInTheMiddleOfOneLeavesNothingBehind() async throws {
        try await Scenario.run("off", disks: [64 << 20, 48 << 20], recordsPerSecond: 50, recordAreaBytes: 32 << 20) {
            two, guest in
            let protection = try await two.client.protect(guest.name).id
            var newest = try await two.client.waitForPoint(after: 0, of: protection, within: .seconds(90))
            try await guest.shutDown()
            newest = try await two.client.waitForPoint(after: newest + 1, of: protection, within: .seconds(60))

            try two.oracle.holdCaptures()
            _ = try await eventually("a capture of the disks at rest is open", within: .seconds(30)) {
                two.oracle.holdsCapture ? true : nil
            }
            #expect(try servers(in: two).count == 2, "each image is served")
            try await two.sites.crash("primary")
            #expect(try servers(in: two).count == 2, "they outlive the agent, or this proves nothing")
            try two.oracle.letCapturesGo()
            _ = try await eventually("what looked at the capture is gone", within: .seconds(60)) {
                try SecondaryHypervisor.processes(mentioning: two.oracle.hookPath).isEmpty ? true : nil
            }
            try await two.sites.start("primary")

            let held = newest
            let point = try await two.client.waitForPoint(after: held, of: protection, within: .seconds(90))
            let report = try await two.history(of: protection, with: point).first { $0.cycle > held && !$0.hasError }
            #expect(report?.offline == true)
            try await two.quiesce(protection)
            #expect(try servers(in: two) == [])
        }
    }

    private func servers(in two: TwoSites) throws -> [String] {
        try SecondaryHypervisor.processes(mentioning: two.sites.options.root).map(\.command)
            .filter { $0.contains("qemu-nbd") }
    }
}
