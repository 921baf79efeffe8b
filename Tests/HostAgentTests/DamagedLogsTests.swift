import FoundationEssentials
import Hypervisor
import Messages
import Replica
import Synchronization
import Testing

@testable import HostAgent

/// `recover set-aside`: what an operator does about damaged logs, and what the next agent makes of it.
@Suite struct DamagedLogsTests {
    private struct NotConfirmed: Error {}

    private func damage(_ log: String) throws {
        var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: log)))
        // Inside the first record, behind its header.
        bytes[bytes.count / 2] ^= 1
        try Data(bytes).write(to: URL(fileURLWithPath: log))
    }

    private func setAside(
        in directory: String, confirm: @escaping @Sendable (String, String) throws -> Void = { _, _ in }
    ) async throws -> DamagedLogs.Outcome {
        try await DamagedLogs.setAside(in: directory) { _, _ in
        } confirm: {
            try confirm($0, $1)
        }
    }

    @Test func replicationGoesOnFromThePointBefore() async throws {
        try await withAgentSite { site in
            let replica = Mutex("")
            try await site.withAgent { agent in
                for cycle in 1...3 as ClosedRange<UInt64> {
                    let bytes = [UInt8](repeating: UInt8(cycle), count: 200_000)
                    agent.hypervisor.write(bytes, to: agent.guest, "vda", at: 0)
                    try await agent.cycle(cycle, cycle == 1 ? .full : .incremental, parent: cycle - 1)
                }
                replica.withLock { $0 = agent.replicaDirectory }
                // An agent has it open.
                let error = await #expect(throws: ReplicaError.self) { try await setAside(in: agent.replicaDirectory) }
                #expect(error?.code == .locked)
            }
            let directory = replica.withLock { $0 }
            #expect(try await setAside(in: directory).setAside.isEmpty)
            try damage("\(directory)/journal/0000000002.hrl")

            let asked = Mutex("")
            await #expect(throws: NotConfirmed.self) {
                try await setAside(in: directory) { _, log in
                    asked.withLock { $0 = log }
                    throw NotConfirmed()
                }
            }
            let named = asked.withLock { $0 }
            #expect(named == "0000000002.hrl")
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(directory)/journal").count == 3)

            let outcome = try await setAside(in: directory)
            #expect(outcome.setAside == ["0000000002.hrl", "0000000003.hrl"] && outcome.faultCount > 0)
            #expect(outcome.points == 1 && outcome.newestCycle == 1 && !outcome.isDamaged)
            try await site.withAgent { agent in
                #expect(try await agent.points().map(\.cycle) == [1])
                let held = try await agent.cycle(4, .compare, parent: 1)
                #expect(try await agent.points().map(\.cycle) == [1, 4])
                #expect(try agent.contents(of: 4) == held)
            }
        }
    }

    /// Setting logs aside mends no base image.
    @Test func whatIsNotMendedIsTold() {
        var outcome = DamagedLogs.Outcome(
            protection: "p", guestName: "web1", checkedBytes: 1,
            faults: ["0000000004.hrl: rotten", "base: it was begun to be brought to point 5"], faultCount: 2,
            setAside: ["0000000004.hrl"], points: 0, newestCycle: 0)
        #expect(!outcome.isDamaged)
        outcome.faults.append("base/vda at 0: rotten")
        #expect(outcome.isDamaged)
    }
}
