import Testing

@testable import Replica

/// What a replica refuses while a guest runs from one of its points.
@Suite struct ReplicaRunningTests {
    private func prepared() throws -> ReplicaFixture {
        let fixture = try ReplicaFixture()
        try CrashScenario.prepare(fixture)
        return fixture
    }

    @Test func whileAGuestRunsNoCycleIsTaken() throws {
        let fixture = try prepared()
        let open = try fixture.replica.openCycle(fixture.opening(6, kind: .incremental))
        try fixture.replica.markRunning(from: 3)
        try fixture.replica.markRunning(from: 3)
        #expect(fixture.replica.runningCycle == 3)
        #expect(fixture.replica.openCycle == nil)
        #expect(code { try fixture.replica.commit(cycle: open.cycle, generation: 1, attempts: []) } == .cycleNotOpen)
        #expect(code { try fixture.replica.openCycle(fixture.opening(6, kind: .incremental)) } == .inUse)
        #expect(code { try fixture.replica.markRunning(from: 4) } == .inUse)
        #expect(code { try fixture.replica.delete() } == .inUse)
        // The generation may rise nevertheless.
        try fixture.replica.admit(generation: 2)
        try fixture.replica.stopRunning()
        try fixture.replica.stopRunning()
        try fixture.replica.markRunning(from: 4)
        try fixture.replica.stopRunning()
        var opening = fixture.opening(6, kind: .incremental, generation: 2)
        opening.parentCycle = 5
        _ = try fixture.replica.openCycle(opening)
    }

    @Test func theMarkStaysAfterARestart() throws {
        let fixture = try prepared()
        try fixture.replica.markRunning(from: 3)
        try fixture.reopen()
        #expect(try fixture.replica.describe().runningCycle == 3)
        #expect(code { try fixture.replica.openCycle(fixture.opening(6, kind: .incremental)) } == .inUse)
        try fixture.replica.stopRunning()
        try fixture.reopen()
        #expect(fixture.replica.runningCycle == nil)
        try fixture.cycle()
        try fixture.checkPoints()
    }

    @Test func pointsUpToTheRunningOneStay() throws {
        let fixture = try prepared()
        try fixture.replica.markRunning(from: 3)
        #expect(code { try fixture.replica.fold(upTo: 2) } == .inUse)
        #expect(code { try fixture.replica.fold(upTo: 4) } == .inUse)
        #expect(code { try fixture.replica.merge([2, 3]) } == .inUse)
        #expect(code { try fixture.replica.merge([3, 4]) } == .inUse)
        _ = try fixture.replica.maintain(Retention(everyCycleSeconds: 0), nowUnixMilliseconds: .max)
        #expect(fixture.replica.points().map(\.cycle).prefix(3) == [1, 2, 3])
        try fixture.replica.merge([4, 5])
        try fixture.replica.fold(upTo: 3)
        #expect(fixture.replica.points().map(\.cycle) == [3, 5])
        try fixture.checkPoints()
    }

    @Test func onlyAListedPointCanRun() throws {
        let fixture = try prepared()
        #expect(code { try fixture.replica.markRunning(from: 9) } == .notFound)
        try fixture.replica.fold(upTo: 3)
        #expect(code { try fixture.replica.markRunning(from: 2) } == .notFound)
        try fixture.replica.markRunning(from: 3)
    }
}

/// The code of the error that a step throws; nil when it throws none.
func code<Result>(_ step: () throws -> Result) -> ReplicaError.Code? {
    do {
        _ = try step()
        return nil
    } catch let error as ReplicaError {
        return error.code
    } catch {
        Issue.record("not a ReplicaError: \(error)")
        return nil
    }
}
