import HostAgent
import Testing

@Suite struct AgentStoreTests {
    @Test func theHostIsMadeOnceAndRunsAreCounted() async throws {
        try await withTemporaryDirectory { directory in
            let path = "\(directory)/agent.sqlite"
            let first = try AgentStore(path: path)
            #expect(try await first.hostIdentifier(fresh: "a") == "a")
            #expect(try await first.nextRun() == 1)
            let second = try AgentStore(path: path)
            #expect(try await second.hostIdentifier(fresh: "b") == "a")
            #expect(try await second.nextRun() == 2)
        }
    }

    @Test func whatIsSavedIsFoundAgain() async throws {
        try await withTemporaryDirectory { directory in
            let path = "\(directory)/agent.sqlite"
            let record = AgentStore.SourceRecord(
                protection: "p", guest: "g", generation: 3, ledger: CheckpointLedger(acknowledged: 4, candidate: 6))
            let process = AgentStore.ProcessRecord(process: 12, startTicks: 34, socket: "/s")
            let store = try AgentStore(path: path)
            try await store.save(record)
            try await store.enter(process)
            try await store.retire(protection: "q", generation: 5)
            try await store.retire(protection: "q", generation: 4)

            let again = try AgentStore(path: path)
            #expect(try await again.sources() == [record])
            #expect(try await again.processes() == [process])
            #expect(try await again.retiredGeneration(of: "q") == 5)
            #expect(try await again.retiredGeneration(of: "p") == 0)
            try await again.remove(process: 12)
            #expect(try await again.processes().isEmpty)
        }
    }

    @Test func aLedgerThatCannotBeIsNotSaved() async throws {
        try await withTemporaryDirectory { directory in
            let store = try AgentStore(path: "\(directory)/agent.sqlite")
            let record = AgentStore.SourceRecord(
                protection: "p", guest: "g", generation: 3, ledger: CheckpointLedger(acknowledged: 4, candidate: 4))
            await #expect(throws: HostAgentError.self) { try await store.save(record) }
            #expect(try await store.sources().isEmpty)
        }
    }

    @Test(arguments: [SideStateMachine.Standing.active, .passive(.alarm), .passive(.disconnect), .passive(.shutDown)])
    func aSideIsFoundAgainAsItWas(standing: SideStateMachine.Standing) async throws {
        try await withTemporaryDirectory { directory in
            let path = "\(directory)/agent.sqlite"
            let store = try AgentStore(path: path)
            for autostart in [SideStateMachine.Autostart.untouched, .withheld(before: true), .withheld(before: false)] {
                for links in [SideStateMachine.Links.untouched, .cut] {
                    let side = SideStateMachine(
                        guest: "g", generation: 7, standing: standing, activeHost: "b", autostart: autostart,
                        links: links)
                    try await store.save(side, of: "p")
                    #expect(try await AgentStore(path: path).sides() == ["p": side])
                }
            }
            try await store.removeSide(of: "p")
            #expect(try await store.sides().isEmpty)
        }
    }
}
