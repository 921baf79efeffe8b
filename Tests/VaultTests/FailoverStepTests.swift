import Pages
import Testing

@testable import Vault

struct FailoverStepTests {
    static let combinations = FailoverStanding.all.flatMap { standing in
        FailoverStep.allCases.map { (standing, $0) }
    }

    @Test("Every combination does what both documented tables say", arguments: combinations)
    func everyCombination(standing: FailoverStanding, step: FailoverStep) throws {
        let cells = try ["Services/Vault/Core/Vault.docc/Overview.md", "Shared/Messages/Protocol.md"].map { page in
            let heading = page.hasSuffix("Protocol.md") ? "### Failover steps" : "## Failover steps"
            let table = try PageTable.read(page, tableAfter: heading)
            return try #require(table[standing.row]?["`\(step.rawValue.uppercased())`"], "\(standing.row) in \(page)")
        }
        #expect(cells[0] == cells[1])
        var fixture = try VaultFixture.standing(standing)
        let before = fixture.protection
        let run = standing.holder == .anotherRun ? VaultFixture.otherRun : VaultFixture.run
        // Not the last step again, whose repetition is answered whatever the table says.
        let cycle: UInt64 = step.namesCycle ? 9 : 0
        guard before.lastStep != StepTaken(run: run, step: step, cycle: cycle) else {
            let decision = try fixture.ask(VaultFixture.step(step, cycle: cycle, run: run, version: .exactly(1)))
            #expect(decision.changes.isEmpty && decision.answer == .protection(before))
            return
        }
        let request = VaultFixture.step(step, cycle: cycle, run: run, version: .exactly(before.version))
        switch cells[0] {
        case "✗":
            let error = fixture.refusal(of: request)
            #expect(error?.code == .failedPrecondition)
            #expect(error?.facts["state"] == before.state.word)
        case "=":
            #expect(try fixture.ask(request).answer == .protection(before))
            #expect(fixture.protection == before)
        case let cell:
            let decision = try fixture.ask(request)
            let after = fixture.protection
            #expect(after.shown(since: before) == cell)
            #expect(decision.answer == .protection(after) && after.version == before.version + 1)
            #expect(decision.audit.map(\.action) == ["advance_failover"])
            #expect((after.generation > before.generation) == (after.activeHostID != before.activeHostID))
            #expect(after.run == (after.state == .failingOver ? run : nil))
        }
    }

    @Test func pagesNameEveryStandingAndNoOther() throws {
        let table = try PageTable.read(
            "Services/Vault/Core/Vault.docc/Overview.md", tableAfter: "## Failover steps")
        #expect(Set(table.keys) == Set(FailoverStanding.all.map(\.row)))
    }

    @Test func generationRisesWithActivationAndCancelAlone() throws {
        var fixture = try VaultFixture.protecting(in: .protected)
        try fixture.step(.begin)
        #expect(fixture.protection.generation == 1)
        try fixture.step(.activateTarget, cycle: 5)
        #expect(fixture.protection.generation == 2 && fixture.protection.failoverCycle == 5)
        try fixture.step(.pend)
        try fixture.step(.changePoint, cycle: 3, run: VaultFixture.otherRun)
        #expect(fixture.protection.generation == 2 && fixture.protection.failoverCycle == 3)
        try fixture.step(.cancel, run: VaultFixture.otherRun)
        #expect(fixture.protection.generation == 3 && fixture.protection.failoverCycle == 0)
        try fixture.step(.retreat, run: VaultFixture.otherRun)
        #expect(fixture.protection.generation == 3 && fixture.protection.state == .protected)
    }

    @Test func journeyThereAndBackEndsWhereItBegan() throws {
        var fixture = try VaultFixture.protecting(in: .protected)
        let before = fixture.protection
        for journey in 1...2 {
            try fixture.step(.begin)
            try fixture.step(.activateTarget, cycle: 5)
            try fixture.step(.reverse)
            #expect(fixture.protection.generation == UInt64(journey + 1))
            #expect(fixture.protection.activeSide == .source && fixture.protection.state == .reversing)
            #expect(fixture.protection.pair == before.pair)
            try fixture.change(to: .protected)
            #expect((fixture.protection.sourceHostID == before.sourceHostID) == (journey == 2))
            #expect((fixture.protection.clouds == before.clouds) == (journey == 2))
        }
        #expect(fixture.protection.direction == .forward)
    }

    @Test func repeatedStepIsAnsweredWhateverHappenedSince() throws {
        var fixture = try VaultFixture.protecting(in: .reversing)
        try fixture.change(to: .protected)
        let before = fixture.protection
        let decision = try fixture.ask(VaultFixture.step(.reverse, version: .exactly(1)))
        #expect(decision.changes.isEmpty && decision.answer == .protection(before))
        let other = VaultFixture.step(.reverse, run: VaultFixture.otherRun, version: .exactly(before.version))
        #expect(fixture.refusal(of: other)?.code == .failedPrecondition)
    }

    @Test func stepOnSomethingOlderIsAConflictAndAnOldGenerationIsFenced() throws {
        var fixture = try VaultFixture.protecting(in: .commitPending)
        #expect(fixture.refusal(of: VaultFixture.step(.commit, version: .exactly(2)))?.code == .conflict)
        fixture.generation = 1
        #expect(fixture.refusal(of: VaultFixture.step(.commit))?.code == .staleGeneration)
    }

    @Test(arguments: [FailoverStep.activateTarget, .changePoint])
    func stepThatStartsAPointHasToNameIt(step: FailoverStep) throws {
        var fixture = try VaultFixture.protecting(in: step == .changePoint ? .commitPending : .failingOver)
        #expect(fixture.refusal(of: VaultFixture.step(step))?.code == .invalidArgument)
    }

    @Test func unprotectBetweenTheSides() throws {
        for fate in ProtectionState.ReplicaFate.allCases {
            let unprotect = RegistryRequest.unprotect(protection: "web", fate: fate)
            for state in [ProtectionState.failingOver, .commitPending] {
                var fixture = try VaultFixture.protecting(in: state)
                #expect(fixture.refusal(of: unprotect)?.code == .failedPrecondition)
            }
            var reversing = try VaultFixture.protecting(in: .reversing)
            try reversing.ask(unprotect)
            #expect(reversing.protection.state == .disabling(fate))
        }
        var committed = try VaultFixture.protecting(in: .committed)
        #expect(committed.refusal(of: .unprotect(protection: "web", fate: .delete))?.code == .failedPrecondition)
        try committed.ask(.unprotect(protection: "web", fate: .keep))
        #expect(committed.protection.activeSide == .target)
    }
}

extension FailoverStanding {
    /// As the tables write it.
    fileprivate var row: String {
        switch (state, holder) {
        case (.failingOver, .thisRun): "failing over (\(activeSide)), this run"
        case (.failingOver, .anotherRun): "failing over (\(activeSide)), another run"
        case (_, _): state.row
        }
    }
}

extension Protection {
    /// What the tables write for a step that led from one to the other.
    fileprivate func shown(since before: Protection) -> String {
        var text = state == .failingOver ? "failing over (\(activeSide))" : state.row
        if generation == before.generation + 1 { text += ", g + 1" }
        let exchanged =
            sourceHostID == before.targetHostID && targetHostID == before.sourceHostID
            && direction != before.direction
        if exchanged { text += ", exchanged" }
        return text
    }
}

extension VaultFixture {
    /// The protection of `web` where it stands so, held by the fixture's run.
    static func standing(_ standing: FailoverStanding) throws -> VaultFixture {
        switch (standing.state, standing.activeSide) {
        case (.failingOver, .target):
            var fixture = try protecting(in: .failingOver)
            try fixture.step(.activateTarget, cycle: 7)
            return fixture
        case (.disabling(.keep), .target):
            var fixture = try protecting(in: .committed)
            try fixture.ask(.unprotect(protection: "web", fate: .keep))
            return fixture
        case (_, _):
            return try protecting(in: standing.state)
        }
    }
}
