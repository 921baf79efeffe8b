import MessageBus
import Messages
import Synchronization
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

    @Test(arguments: Registry.State.allCases) func onlyWhatIsPausedComesToRest(state: Registry.State) {
        switch (step(.atRest, state, Samples.status(newestCycle: 3)), state) {
        case (.reached, .paused): break
        case (.failed(let error), let state) where state != .paused: #expect(!error.remedy.isEmpty)
        case (let step, _): Issue.record("\(state) led to \(step)")
        }
    }

    /// The vault's word is not enough: until the policy service has heard it, a cycle may still begin.
    @Test func aPauseIsWaitedForUntilThePolicyServiceKnowsAndNoCycleIsOpen() {
        var wait = StateWait(guest: "web1", goal: .atRest)
        var protection = Samples.protection(state: .paused)
        protection.version = 9
        var status = Samples.status(newestCycle: 3)
        func next(_ status: ReplicationStatus?) -> StateWait.Step {
            wait.step(protection: protection, status: status, atMilliseconds: 0, width: 80)
        }
        #expect(next(nil) == .show("pausing web1  the policy service has not taken it up yet"))
        status.protectionVersion = 0
        guard case .failed = next(status) else { return #expect(Bool(false), "it would wait for ever") }
        status.protectionVersion = 8
        #expect(next(status) == .show("pausing web1  the policy service has not heard of it yet"))
        status.protectionVersion = 9
        status.cycleOpen = true
        status.phase = "closing the capture"
        #expect(next(status) == .show("pausing web1  closing the capture"))
        status.cycleOpen = false
        #expect(next(status) == .reached("web1: at rest, no cycle is open."))
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

    /// It hears of a protection, and of a pause, from the vault, and answers NOT_FOUND before.
    @Test func aPolicyServiceThatHasNotHeardYetIsAskedAgain() async throws {
        let looks = Mutex(0)
        try await ScriptedServices.run(
            vault: { request in
                switch request {
                case .getSnapshot:
                    var snapshot = WireSamples.snapshot()
                    snapshot.protections = [WireSamples.protection(state: .paused)]
                    return .snapshot(snapshot)
                case .changeState(let change): return .protection(WireSamples.protection(state: change.state))
                default: throw ScriptedServices.unexpected
                }
            },
            policy: { _ in
                let look = looks.withLock { looks in
                    looks += 1
                    return looks
                }
                if look == 1 { throw RemoteError(.notFound, "There is no protection of that name here.") }
                var status = WireSamples.status(newestCycle: 3, pending: 0)
                if look == 2 { status.protectionVersion = 2 }
                var list = StatusList()
                list.statuses = [status]
                return .statuses(list)
            }
        ) { services in
            let console = RecordingConsole()
            #expect(await services.bascule("pause", "web1", "--wait", console: console) == .ok)
            #expect(console.said.output.last == "web1: at rest, no cycle is open.")
            #expect(looks.withLock { $0 } == 3)
        }
    }
}
