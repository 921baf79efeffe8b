import Foundation
import LocalSites
import MessageBus
import Messages
import TestGuest
import Testing

/// Services that are told to stop in the middle of something end in time and in order, and the next start goes on.
@Suite(.serialized, .enabled(if: Prerequisites.met, "\(Prerequisites.missing ?? "")"))
struct StopTests {
    @Test(.timeLimit(.minutes(6)))
    func workersAndThePolicyServiceStopWithACycleOpen() async throws {
        try await Scenario.run("stop", disks: [256 << 20], recordsPerSecond: 50, stallableLink: true) { two, guest in
            let protection = try await two.client.protect(guest.name).id
            let newest = try await two.client.waitForPoint(after: 0, of: protection, within: .seconds(90))
            let link = try #require(two.link)
            // Twelve seconds of work, so that it is caught in the middle.
            try await two.limit(usual: 4 << 20, always: nil)
            try await guest.tell("random 48 9")
            let busy = try await eventually("a worker is in the middle of a job", within: .seconds(30)) {
                try await two.workers().first { $0.running.contains { $0.changedBytes >= 8 << 20 && $0.readBytes > 0 } }
            }
            // The receiver is not given up before 15 s, so what ends the job now is the worker's grace and nothing else.
            link.stall()
            let name = busy.description_p.name
            let took = try await stop(name, in: two)
            #expect(took > .seconds(6), "it lets a job finish within its grace of 7 s")
            try await stop(name == "worker-1" ? "worker-2" : "worker-1", in: two)
            #expect(try await two.client.status(protection)?.cycleOpen == true, "or this proves nothing")
            try await stop("policy", in: two)
            link.join()
            for name in ["policy", "worker-1", "worker-2"] { try await two.sites.start(name) }
            try await two.limit(usual: 0, always: nil)

            let point = try await two.client.waitForPoint(after: newest + 1, of: protection, within: .seconds(90))
            let since = try await two.history(of: protection, with: point).filter { $0.cycle > newest && !$0.hasError }
            #expect(!since.isEmpty && since.allSatisfy { $0.kind == .incremental })
            try await two.quiesce(protection)
            #expect(try await two.comparePoints(of: protection, disks: ["vda"]).faults == [])
            #expect(try await Leftovers.find(of: guest, in: two.sites, protection: protection) == [])
            #expect(guest.console.writeErrors == [])
        }
    }

    /// SIGTERM, and it ends by itself with exit code 0.
    ///
    /// - Returns: how long that took.
    @discardableResult
    private func stop(_ name: String, in two: TwoSites) async throws -> Duration {
        let process = try await two.sites.process(name)
        let told = ContinuousClock.now
        #expect(try await two.sites.stop(name), "\(name) ends within ten seconds")
        #expect(process.exitStatus == 0, "\(name) ended with wait status \(process.exitStatus ?? -1)")
        return ContinuousClock.now - told
    }
}
