import FoundationEssentials
import Hypervisor
import Messages
import Testing

@testable import HostAgent

/// The agent ends in the middle of a cycle and is started again.
@Suite(.serialized) struct AgentRestartTests {
    @Test(arguments: [AgentSite.Ending.inOrder, .asAfterACrash])
    func aCycleThatWasOpenIsGoneAndTheNextOneIsIncremental(ending: AgentSite.Ending) async throws {
        try await withAgentSite { site in
            try await site.withAgent(ending: ending) { agent in
                agent.hypervisor.write(randomBytes(100_000), to: agent.guest, "vda", at: 0)
                try await agent.cycle(1, .full, parent: 0)
                agent.hypervisor.write(randomBytes(100_000), to: agent.guest, "vda", at: 500_000)
                let capture = try await agent.capture(2, .incremental, parent: 1)
                let opened = try await agent.openCycle(capture, .incremental, parent: 1)
                _ = try await agent.transfer(capture.disks[0], of: opened, attempt: 1)
            }
            try await site.withAgent { agent in
                #expect(!agent.hypervisor.hasOpenCapture(agent.guest))
                #expect(try agent.files(in: "incoming").isEmpty)
                #expect(await refusal { try await agent.commit(2, []) } == .failedPrecondition)
                try await agent.abort(2)
                try await agent.close(2, committed: false, keep: 1)
                #expect(agent.hypervisor.checkpoints(of: agent.guest).count == 1)
                let held = try await agent.cycle(3, .incremental, parent: 1)
                #expect(try agent.contents(of: 3) == held)
            }
        }
    }

    /// The source's agent dies after the target committed and before anybody told it.
    @Test(arguments: [AgentSite.Ending.inOrder, .asAfterACrash])
    func aCycleThatWasCommittedIsTheParentOfTheNext(ending: AgentSite.Ending) async throws {
        try await withAgentSite { site in
            try await site.withAgent(ending: ending) { agent in
                try await agent.cycle(1, .full, parent: 0)
                agent.hypervisor.write(randomBytes(100_000), to: agent.guest, "vda", at: 500_000)
                let capture = try await agent.capture(2, .incremental, parent: 1)
                let opened = try await agent.openCycle(capture, .incremental, parent: 1)
                let job = try await agent.transfer(capture.disks[0], of: opened, attempt: 1)
                _ = try await agent.commit(2, [job])
            }
            try await site.withAgent { agent in
                #expect(try await agent.describe().newestCycle == 2)
                agent.hypervisor.write(randomBytes(100_000), to: agent.guest, "vda", at: 0)
                let held = try await agent.cycle(3, .incremental, parent: 2)
                #expect(try agent.contents(of: 3) == held)
                #expect(agent.hypervisor.checkpoints(of: agent.guest).count == 1)
            }
        }
    }

    @Test func theHostKeepsItsIdentityAndReportsRise() async throws {
        try await withAgentSite { site in
            for _ in 0..<2 {
                let before = site.vault.heard.reports.count
                try await site.withAgent { _ in
                    try await poll("a report arrives") { site.vault.heard.reports.count > before }
                }
            }
            let heard = site.vault.heard
            #expect(Set(heard.reports.map(\.hostID)).count == 1)
            #expect(heard.registrations.count == 2)
            let numbers = heard.reports.map(\.sequence)
            #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 })
        }
    }

    @Test func generationsAreRememberedAcrossARestart() async throws {
        try await withAgentSite { site in
            try await site.withAgent { agent in
                _ = try await agent.capture(1, .full, parent: 0, generation: 9)
                try await agent.close(1, committed: false, generation: 9)
            }
            try await site.withAgent { agent in
                #expect(
                    await refusal { try await agent.capture(2, .full, parent: 0, generation: 8) } == .staleGeneration)
            }
        }
    }
}
