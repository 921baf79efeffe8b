import Foundation
import LocalSites
import MessageBus
import Messages
import TestGuest
import Testing

/// A guest that is taken back to an earlier state of its disks: what changed since the last point is then unknown, so
/// both sides are compared, without being asked and with the reason.
@Suite(.serialized, .enabled(if: Prerequisites.met, "\(Prerequisites.missing ?? "")"))
struct RevertTests {
    @Test(.timeLimit(.minutes(12)))
    func aRevertedGuestIsComparedAndNoPointIsWrong() async throws {
        try await Scenario.run("revert", disks: [192 << 20], recordsPerSecond: 50) { two, guest in
            let protection = try await two.client.protect(guest.name).id
            var newest = try await two.client.waitForPoint(after: 0, of: protection, within: .seconds(90))

            // Making a snapshot changes nothing: points stay incremental.
            try await two.quiesce(protection)
            let atSnapshot = guest.console.lastCommitted
            try await guest.virsh("snapshot-create-as", guest.name, "before", limit: .seconds(120))
            try await two.client.changeState(protection, to: .protected)
            try await guest.tell("random 8 5")
            newest = try await two.client.waitForPoint(after: newest + 2, of: protection, within: .seconds(60))
            #expect(try await two.client.history(protection).contains { $0.kind == .compare } == false)

            // QEMU reverts no disk that has a checkpoint, so an operator who reverts deletes ours.
            try await two.quiesce(protection)
            newest = try #require(try await two.client.points(protection).last?.cycle)
            for checkpoint in try await guest.checkpoints {
                try await guest.virsh("checkpoint-delete", guest.name, checkpoint)
            }
            try await guest.virsh("snapshot-revert", guest.name, "before", limit: .seconds(120))
            newest = try await expectComparison(two, protection, after: newest, reason: "no checkpoint of cycle")
            #expect(try await two.newestRecord(of: guest, protection: protection, cycle: newest) > atSnapshot)

            // Restored from a copy of the image, into the same file, while it was off.
            let image = guest.diskPath(0)
            let copy = "\(image).copy"
            try await two.quiesce(protection)
            try await guest.shutDown()
            try await Command.run(["cp", "--sparse=always", image, copy])
            let atCopy = try await guest.start()
            try await two.client.changeState(protection, to: .protected)
            try await guest.tell("random 8 6")
            newest = try await two.client.waitForPoint(after: newest + 2, of: protection, within: .seconds(90))
            try await two.quiesce(protection)
            newest = try #require(try await two.client.points(protection).last?.cycle)
            try await guest.shutDown()
            try await Command.run(["cp", "--sparse=always", copy, image])
            newest = try await expectComparison(two, protection, after: newest, reason: "no change bitmap")
            #expect(try await two.newestRecord(of: guest, protection: protection, cycle: newest) == atCopy)
            try await guest.start()
            newest = try await two.client.waitForPoint(after: newest + 1, of: protection, within: .seconds(90))

            try await two.quiesce(protection)
            #expect(try await two.comparePoints(of: protection, disks: ["vda"]).faults == [])
            #expect(guest.console.writeErrors == [])
            #expect(try await Leftovers.find(of: guest, in: two.sites, protection: protection) == [])
        }
    }

    /// Resumes, and finds that the next cycle that commits compared, that it says why, and that it shipped little.
    ///
    /// - Returns: the newest point.
    private func expectComparison(
        _ two: TwoSites, _ protection: String, after newest: UInt64, reason: String
    ) async throws -> UInt64 {
        try await two.client.changeState(protection, to: .protected)
        let point = try await two.client.waitForPoint(after: newest, of: protection, within: .seconds(90))
        // The target lists a point before the policy service hears of it.
        let next = try await eventually("cycle \(point) is in the history", within: .seconds(30)) {
            try await two.client.history(protection).filter { $0.cycle > newest && !$0.hasError }
                .min { $0.cycle < $1.cycle }
        }
        #expect(next.kind == .compare)
        #expect(next.reason.contains(reason), "\(next.reason)")
        #expect(next.sentBytes < 64 << 20, "a comparison ships what differs, not the disk")
        return point
    }
}
