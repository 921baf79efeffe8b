import Testing

@testable import OperatorCLI

@Suite struct StateWaitTests {
    private func step(
        _ goal: StateWait.Goal, _ state: Registry.State?, _ status: ReplicationStatus?
    ) -> StateWait.Step {
        var wait = StateWait(guest: "web1", goal: goal)
        return wait.step(
            protection: state.map { Samples.protection(state: $0) }, status: status, atMilliseconds: 0, width: 80)
    }

    @Test(arguments: Registry.State.allCases, [StateWait.Goal.firstPoint, .protectedAgain])
    func everyStateEitherWaitsEndsOrFails(state: Registry.State, goal: StateWait.Goal) {
        let status = Samples.status(newestCycle: 3)
        switch (step(goal, state, status), state) {
        case (.reached, .protected), (.failed, .paused), (.failed, .disabling): break
        case (.failed, .failingOver), (.failed, .commitPending), (.failed, .committed), (.show, .reversing): break
        case (.show, .enabling), (.show, .seeding), (.show, .resynchronizing), (.show, .unknown): break
        case (let step, _): Issue.record("\(state) for \(goal) led to \(step)")
        }
    }

    @Test func protectedWithoutAPointIsNotSeeded() {
        #expect(
            step(.firstPoint, .protected, Samples.status(newestCycle: 0)) == .show("seeding web1  waiting to be due"))
    }

    @Test func aProtectionThatIsGoneFails() {
        guard case .failed(let error) = step(.firstPoint, nil, nil) else { return #expect(Bool(false)) }
        #expect(error.code == .refused)
    }

    @Test func failedTriesAreTold() {
        var status = Samples.status(newestCycle: 0)
        status.failuresInARow = 2
        status.lastFailure = Samples.cycle(1)
        status.lastFailure?.error = RemoteErrorRecord(code: "UNAVAILABLE", message: "no worker", remedy: "", facts: [:])
        #expect(step(.firstPoint, .seeding, status) == .show("seeding web1  2 failed tries; last: no worker"))
    }

    @Test func theOpenCycleIsShownAsABar() {
        var status = Samples.status(newestCycle: 0)
        status.cycleOpen = true
        status.totalBytes = 100
        status.pendingBytes = 25
        guard case .show(let line) = step(.firstPoint, .seeding, status) else { return #expect(Bool(false)) }
        #expect(line.contains("75 %"))
    }
}
