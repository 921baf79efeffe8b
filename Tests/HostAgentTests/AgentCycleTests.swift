import BlockDevice
import FoundationEssentials
import Hypervisor
import MessageBus
import Messages
import Synchronization
import Testing

@testable import HostAgent

/// The agent alone, spoken to over real sockets: the test is policy service and worker.
@Suite(.serialized) struct AgentCycleTests {
    @Test func fullAndIncrementalCyclesHoldWhatTheDiskHeld() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                agent.hypervisor.write(randomBytes(300_000), to: agent.guest, "vda", at: 100_000)
                var held = [try await agent.cycle(1, .full, parent: 0)]
                for cycle in 2...6 {
                    agent.hypervisor.write(
                        randomBytes(70_000), to: agent.guest, "vda", at: UInt64.random(in: 0...900_000))
                    agent.hypervisor.discard(131_072..<196_608, of: agent.guest, "vda")
                    held.append(try await agent.cycle(UInt64(cycle), .incremental, parent: UInt64(cycle) - 1))
                }
                for (index, bytes) in held.enumerated() {
                    #expect(try agent.contents(of: UInt64(index) + 1) == bytes)
                }
                #expect(try await agent.points().map(\.cycle) == [1, 2, 3, 4, 5, 6])
                #expect(agent.hypervisor.checkpoints(of: agent.guest).count == 1)
                #expect(!agent.hypervisor.hasOpenCapture(agent.guest))
                #expect(try agent.files(in: "incoming").isEmpty)
            }
        }
    }

    @Test func hashesOfTheParentPointAreAnswered() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                agent.hypervisor.write(randomBytes(200_000), to: agent.guest, "vda", at: 65_536)
                try await agent.cycle(1, .full, parent: 0)
                let capture = try await agent.capture(2, .compare, parent: 1)
                let opened = try await agent.openCycle(capture, .compare, parent: 1)
                let channel = try await agent.bus.bulkChannel(to: opened.bulkEndpoint)
                try await channel.open(
                    BulkHello(
                        token: [UInt8](opened.transferToken), job: [UInt8](repeating: 1, count: 16), attempt: 1))
                let hashes = try await channel.hashes(BulkHashRequest(disk: 0, offset: 0, length: 1 << 20))
                #expect(hashes.count == 16 * 16)
                // Block 0 was never written; block 1 was.
                #expect(hashes[0..<16].allSatisfy { $0 == 0 })
                #expect(hashes[16..<32].contains { $0 != 0 })
                await channel.close()
                try await agent.abort(2)
                try await agent.close(2, committed: false, keep: 1)
            }
        }
    }

    /// A guest that is off keeps the checkpoint that it was shut down with, and so the size that its disk had then. The
    /// parent point has another one meanwhile.
    @Test func aDiskThatGrewAndShrankAgainWhileItsGuestWasOffIsCompared() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                agent.hypervisor.write(randomBytes(300_000), to: agent.guest, "vda", at: 100_000)
                try await agent.cycle(1, .full, parent: 0)
                try await agent.hypervisor.shutdown(guest: agent.guest)
                agent.hypervisor.resize("vda", of: agent.guest, to: 2 * AgentHarness.diskBytes)
                let grown = try await agent.cycle(2, .compare, parent: 1)
                agent.hypervisor.resize("vda", of: agent.guest, to: AgentHarness.diskBytes)
                let capture = try await agent.capture(3, .incremental, parent: 2)
                do {
                    _ = try await agent.openCycle(capture, .incremental, parent: 2)
                    Issue.record("an incremental cycle with a disk that its parent has larger was opened")
                } catch let error as RemoteError {
                    #expect(error.code == .wrongParent && error.facts["because"]?.contains("vda") == true)
                }
                try await agent.close(3, committed: false, keep: 2)
                let held = try await agent.cycle(4, .compare, parent: 2)
                #expect(try agent.contents(of: 2) == grown)
                #expect(try agent.contents(of: 4) == held)
            }
        }
    }

    @Test func repeatedCommandsActOnce() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                agent.hypervisor.write(randomBytes(100_000), to: agent.guest, "vda", at: 0)
                let capture = try await agent.capture(1, .full, parent: 0)
                #expect(try await agent.capture(1, .full, parent: 0) == capture)
                #expect(agent.hypervisor.calls(of: .openCapture) == 1)
                let opened = try await agent.openCycle(capture, .full, parent: 0)
                let again = try await agent.openCycle(capture, .full, parent: 0)
                #expect(again.transferToken == opened.transferToken && again.cycleKey == opened.cycleKey)
                let job = try await agent.transfer(capture.disks[0], of: opened, attempt: 1)
                let first = try await agent.commit(1, [job])
                let second = try await agent.commit(1, [job])
                #expect(first == second)
                try await agent.close(1, committed: true)
                try await agent.close(1, committed: true)
                try await agent.close(1, committed: false)
                #expect(agent.hypervisor.checkpoints(of: agent.guest).count == 1)
                // A late abort does not touch what is committed.
                #expect(await refusal { try await agent.abort(1) } == .alreadyExists)
                #expect(try await agent.points().count == 1)
            }
        }
    }

    @Test func olderGenerationsAreRefused() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                let capture = try await agent.capture(1, .full, parent: 0, generation: 5)
                let opened = try await agent.openCycle(capture, .full, parent: 0, generation: 5)
                let job = try await agent.transfer(capture.disks[0], of: opened, attempt: 1)
                #expect(
                    await refusal { try await agent.capture(2, .full, parent: 0, generation: 4) } == .staleGeneration)
                #expect(
                    await refusal { try await agent.openCycle(capture, .full, parent: 0, generation: 4) }
                        == .staleGeneration)
                #expect(await refusal { try await agent.keepCapture(1, generation: 4) } == .staleGeneration)
                #expect(await refusal { try await agent.commit(1, [job], generation: 4) } == .staleGeneration)
                #expect(await refusal { try await agent.abort(1, generation: 4) } == .staleGeneration)
                #expect(
                    await refusal { try await agent.close(1, committed: false, generation: 4) } == .staleGeneration)
                #expect(await refusal { try await agent.commit(1, [job], generation: 0) } == .invalidArgument)
                _ = try await agent.commit(1, [job], generation: 5)
                var delete = DeleteReplica()
                delete.protection = agent.protection
                #expect(
                    await refusal { try await agent.send(.deleteReplica(delete), generation: 4) } == .staleGeneration)
                _ = try await agent.send(.deleteReplica(delete), generation: 6)
                _ = try await agent.send(.deleteReplica(delete), generation: 6)
                // What was deleted is not made again by a late command.
                #expect(
                    await refusal { try await agent.openCycle(capture, .full, parent: 0, generation: 5) }
                        == .staleGeneration)
                #expect(!FileManager.default.fileExists(atPath: agent.replicaDirectory))
            }
        }
    }

    @Test func aCycleOnAnotherParentIsRefused() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                try await agent.cycle(1, .full, parent: 0)
                let capture = try await agent.capture(3, .incremental, parent: 1)
                #expect(
                    await refusal { try await agent.openCycle(capture, .incremental, parent: 2) } == .wrongParent)
                #expect(await refusal { try await agent.openCycle(capture, .full, parent: 0) } == .wrongParent)
                try await agent.close(3, committed: false, keep: 1)
                // The checkpoint of the committed cycle is still the base.
                _ = try await agent.cycle(4, .incremental, parent: 1)
                #expect(try await agent.points().map(\.cycle) == [1, 4])
            }
        }
    }

    @Test func anAbortLeavesNothing() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                agent.hypervisor.write(randomBytes(100_000), to: agent.guest, "vda", at: 0)
                try await agent.cycle(1, .full, parent: 0)
                agent.hypervisor.write(randomBytes(100_000), to: agent.guest, "vda", at: 0)
                let capture = try await agent.capture(2, .incremental, parent: 1)
                let opened = try await agent.openCycle(capture, .incremental, parent: 1)
                let job = try await agent.transfer(capture.disks[0], of: opened, attempt: 1)
                #expect(try agent.files(in: "incoming").count == 1)
                try await agent.abort(2)
                try await agent.abort(2)
                #expect(try agent.files(in: "incoming").isEmpty)
                #expect(await refusal { try await agent.commit(2, [job]) } == .failedPrecondition)
                #expect(
                    await refusal { try await agent.transfer(capture.disks[0], of: opened, attempt: 2) } == .notFound)
                try await agent.close(2, committed: false, keep: 1)
                let held = try await agent.cycle(3, .incremental, parent: 1)
                #expect(try agent.contents(of: 3) == held)
            }
        }
    }

    @Test func anAbandonedAttemptNeverSurfaces() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                agent.hypervisor.write(randomBytes(200_000), to: agent.guest, "vda", at: 0)
                let held = agent.hypervisor.contents(of: agent.guest, "vda").contents
                let capture = try await agent.capture(1, .full, parent: 0)
                let opened = try await agent.openCycle(capture, .full, parent: 0)
                // The first attempt sends its records and is never finished.
                let channel = try await agent.bus.bulkChannel(to: opened.bulkEndpoint)
                try await channel.open(
                    BulkHello(
                        token: [UInt8](opened.transferToken), job: [UInt8](repeating: 1, count: 16), attempt: 1))
                _ = try await agent.sendRecords(capture.disks[0], index: 0, of: opened, attempt: 1, over: channel)
                await channel.abandon()
                await channel.close()
                let job = try await agent.transfer(capture.disks[0], of: opened, attempt: 2)
                var unfinished = job
                unfinished.attempt = 1
                #expect(await refusal { try await agent.commit(1, [unfinished]) } == .failedPrecondition)
                let committed = try await agent.commit(1, [job])
                #expect(try agent.contents(of: 1) == held)
                #expect(committed.point.changedBytes <= UInt64(held.count))
                try await agent.close(1, committed: true)
            }
        }
    }

    @Test func digestsThatDifferAreRefused() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                agent.hypervisor.write(randomBytes(100_000), to: agent.guest, "vda", at: 0)
                let capture = try await agent.capture(1, .full, parent: 0)
                let opened = try await agent.openCycle(capture, .full, parent: 0)
                #expect(
                    await refusal {
                        try await agent.transfer(capture.disks[0], of: opened, attempt: 1) { $0[0] ^= 1 }
                    } == .corruptData)
                var job = try await agent.transfer(capture.disks[0], of: opened, attempt: 2)
                job.digest[0] ^= 1
                #expect(await refusal { try await agent.commit(1, [job]) } == .corruptData)
                // A wrong commit changes nothing: the right one still goes through.
                job.digest[0] ^= 1
                _ = try await agent.commit(1, [job])
            }
        }
    }

    @Test func transfersWithoutARightAreRefused() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                let capture = try await agent.capture(1, .full, parent: 0)
                let opened = try await agent.openCycle(capture, .full, parent: 0)
                var wrong = opened
                wrong.transferToken[3] ^= 1
                #expect(
                    await refusal { try await agent.transfer(capture.disks[0], of: wrong, attempt: 1) } == .notFound)
                _ = try await agent.transfer(capture.disks[0], of: opened, attempt: 1)
                #expect(
                    await refusal { try await agent.transfer(capture.disks[0], of: opened, attempt: 1) } == .conflict)
            }
        }
    }

    @Test func recordsUnderAnotherKeyAreRefused() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                agent.hypervisor.write(randomBytes(100_000), to: agent.guest, "vda", at: 0)
                let capture = try await agent.capture(1, .full, parent: 0)
                let opened = try await agent.openCycle(capture, .full, parent: 0)
                var wrong = opened
                wrong.cycleKey[0] ^= 1
                #expect(
                    await refusal { try await agent.transfer(capture.disks[0], of: wrong, attempt: 1) } == .corruptData)
                let job = try await agent.transfer(capture.disks[0], of: opened, attempt: 2)
                _ = try await agent.commit(1, [job])
            }
        }
    }

    @Test func aTargetThatRunsFullAbortsTheCycleAndSaysSo() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                agent.hypervisor.write(randomBytes(100_000), to: agent.guest, "vda", at: 0)
                try await agent.cycle(1, .full, parent: 0)
            }
            let free = Atomic<UInt64>(2_000)
            var space = SpaceReserve(bytes: 1_000, checkEveryBytes: 1_000)
            space.freeBytes = { _ in free.load(ordering: .relaxed) }
            try await site.withAgent(change: { [space] in $0.space = space }) { agent in
                agent.hypervisor.write(randomBytes(300_000), to: agent.guest, "vda", at: 0)
                let capture = try await agent.capture(2, .incremental, parent: 1)
                let opened = try await agent.openCycle(capture, .incremental, parent: 1)
                free.store(500, ordering: .relaxed)
                let full = try await #require(throws: RemoteError.self) {
                    _ = try await agent.transfer(capture.disks[0], of: opened, attempt: 1)
                }
                #expect(full.code == .resourceExhausted && !full.retryable, "space does not come back by itself")
                try await poll("nothing is left of the cycle") { try agent.files(in: "incoming").isEmpty }
                #expect(await refusal { try await agent.commit(2, []) } == .failedPrecondition)
                try await agent.abort(2)
                // However small the cycle: many of them fill a disk, too.
                #expect(
                    await refusal { try await agent.openCycle(capture, .incremental, parent: 1) } == .resourceExhausted)
                #expect(try agent.files(in: "incoming").isEmpty)
                try await agent.close(2, committed: false, keep: 1)
            }
            try await site.withAgent { agent in
                let held = try await agent.cycle(3, .incremental, parent: 1)
                #expect(try agent.contents(of: 3) == held)
            }
        }
    }

    /// With no cycle committed no retention comes with a commit, and a new agent knows of none.
    @Test(arguments: [false, true]) func aFullTargetKeepsWhatTheRefusedCycleAsksFor(forOne: Bool) async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                // As many as a fold is begun for.
                for cycle in UInt64(1)...17 {
                    agent.hypervisor.write(randomBytes(1_000), to: agent.guest, "vda", at: 0)
                    try await agent.cycle(cycle, cycle == 1 ? .full : .incremental, parent: cycle - 1)
                }
            }
            var space = SpaceReserve(bytes: 1_000, checkEveryBytes: 1_000)
            space.freeBytes = { _ in forOne ? 2_000 : 500 }
            let bytes: UInt64 = forOne ? 1 << 60 : 0
            try await site.withAgent(change: { [space] in $0.space = space }) { agent in
                let capture = try await agent.capture(18, .incremental, parent: 17)
                #expect(
                    await refusal {
                        try await agent.openCycle(capture, .incremental, parent: 17, expectedBytes: bytes)
                    } == .resourceExhausted)
                #expect(try await agent.points().count == 17, "nobody said what may go")
                #expect(
                    await refusal {
                        try await agent.openCycle(
                            capture, .incremental, parent: 17, expectedBytes: bytes, retention: Messages.Retention())
                    } == .resourceExhausted)
                try await poll("it is folded") { try await agent.points().map(\.cycle) == [16, 17] }
            }
        }
    }

    @Test func moreThanFitsIsRefusedBeforeItIsSent() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                let capture = try await agent.capture(1, .full, parent: 0)
                #expect(
                    await refusal {
                        try await agent.openCycle(capture, .full, parent: 0, expectedBytes: 1 << 60)
                    } == .resourceExhausted)
            }
        }
    }
}
