import Messages
import Testing

@testable import OperatorCLI

@Suite struct RunWatchTests {
    @Test(arguments: RunRecord.State.allCases) func everyStateIsFollowedOrEnds(state: RunRecord.State) {
        var run = RunSamples.record(.planned, .running)
        run.state = state
        var watch = RunWatch()
        switch (watch.step(run, atMilliseconds: 0), state) {
        case (.ended, .succeeded), (.ended, .failed), (.goOn, .running), (.goOn, .waiting), (.goOn, .unknown): break
        case (let step, _): Issue.record("\(state) led to \(step)")
        }
    }

    @Test func aRunThatStandsStillIsLeftAfterAWhile() {
        var run = RunSamples.record(.planned, .waiting)
        run.sentence = "alpha does not answer."
        run.remedy = "Start its agent."
        var watch = RunWatch()
        #expect(watch.step(run, atMilliseconds: 1_000) == .goOn)
        #expect(watch.step(run, atMilliseconds: 999 + OperatorLimits.standingStillMilliseconds) == .goOn)
        guard case .leave(let error) = watch.step(run, atMilliseconds: 1_000 + OperatorLimits.standingStillMilliseconds)
        else { return #expect(Bool(false)) }
        #expect(error.code == .waiting)
        #expect(error.message == "the planned failover of web1 waits: alpha does not answer.")
        #expect(error.remedy.hasPrefix("Start its agent; then bascule run resume 1a2b3c4d"))
    }

    @Test func aRunThatGoesOnByItselfIsGivenTheWholeTimeAgain() {
        var watch = RunWatch()
        let waiting = RunSamples.record(.planned, .waiting)
        #expect(watch.step(waiting, atMilliseconds: 0) == .goOn)
        #expect(watch.step(RunSamples.record(.planned, .running), atMilliseconds: 10_000) == .goOn)
        #expect(watch.step(waiting, atMilliseconds: 20_000) == .goOn)
        #expect(watch.step(waiting, atMilliseconds: 30_000) == .goOn)
    }

    @Test func aTestIsThereOnceItsGuestRuns() {
        var run = RunSamples.record(.test, .waiting)
        #expect(!run.isOver)
        run.startedGuest = "web1-test"
        #expect(run.isOver)
        run.kind = .planned
        #expect(!run.isOver)
    }

    @Test func onlyAFailedRunIsAFailure() {
        var run = RunSamples.record(.planned, .failed)
        run.sentence = "The guest did not shut down."
        #expect(RunWatch.failure(of: run)?.code == .failed)
        #expect(RunWatch.failure(of: run)?.remedy == "see its steps: bascule run show 1a2b3c4d")
        run.state = .succeeded
        #expect(RunWatch.failure(of: run) == nil)
    }

    @Test func aLogHearsOfEachStepOnceAndOfOneThatIsTakenBackAgain() {
        var watch = RunWatch()
        #expect(watch.newlyTold(of: RunSamples.record(.planned, .running, current: 2)).map(\.number) == [1])
        var run = RunSamples.record(.planned, .running, current: 3)
        #expect(watch.newlyTold(of: run).map(\.number) == [2])
        #expect(watch.newlyTold(of: run).isEmpty)
        run.steps[0].state = .undone
        #expect(watch.newlyTold(of: run).map(\.number) == [1])
    }

    @Test func bytesOfAStepAreABarAndTheNextStepBeginsAnew() {
        var watch = RunWatch()
        var run = RunSamples.record(.planned, .running, current: 2)
        run.steps[1].totalBytes = 200
        run.steps[1].doneBytes = 100
        _ = watch.step(run, atMilliseconds: 0)
        let line = RunReport(run).line(of: run.steps[1], width: 80, styled: false, progress: watch.progress)
        #expect(line.contains("▸ Fetch the last delta") && line.contains("50 %") && line.contains("100 B of 200 B"))
        _ = watch.step(RunSamples.record(.planned, .running, current: 3), atMilliseconds: 10)
        #expect(watch.progress == nil)
    }
}
