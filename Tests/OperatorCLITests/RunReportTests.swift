import Messages
import Testing

@testable import OperatorCLI

@Suite struct RunReportTests {
    @Test func aPlanSaysWhatWillBeDone() {
        #expect(
            RunReport(RunSamples.record(.failback, .running)).plan(width: nil) == [
                "Failback of web1: alpha → beta. This will be done:", "  1. Choose the point",
                "  2. Fetch the last delta", "  3. Start the guest at beta",
            ])
    }

    @Test func theReportHasStepsTimesPointAndWhatItCost() {
        var run = RunRecord(wire: RunSamples.succeeded(.unplanned))
        run.steps[1].state = .skipped
        run.steps[1].detail = "alpha does not answer"
        run.warnings = ["eth0 has no mapping: its link is down"]
        let lines = RunReport(run).lines(width: nil, styled: false)
        #expect(lines[0] == "Unplanned failover of web1: alpha → beta (run 1a2b3c4d)")
        #expect(lines[1] == "  ✓ Choose the point  200 ms")
        #expect(lines[2] == "  – Fetch the last delta  200 ms  alpha does not answer")
        #expect(lines[4] == "  warning: eth0 has no mapping: its link is down")
        #expect(lines[5].hasPrefix("  point 17 of "))
        #expect(lines[5].hasSuffix(", RPO 850 ms, RTO 1.2 s, web1 runs at beta"))
        #expect(lines[6] == "  succeeded")
    }

    @Test(arguments: RunRecord.Step.State.allCases) func everyStateOfAStepHasALine(state: RunRecord.Step.State) {
        var step = RunRecord(wire: RunSamples.run(.planned, .running)).steps[0]
        step.state = state
        let line = RunReport(RunSamples.record(.planned, .running)).line(of: step, width: nil, styled: false)
        #expect(line.hasSuffix(" Choose the point"))
    }

    @Test(arguments: [40, 60, 80]) func everyLineFitsTheTerminal(width: Int) {
        var run = RunSamples.record(.planned, .waiting, current: 2)
        run.steps[1].totalBytes = 3 << 30
        run.steps[1].doneBytes = 1 << 30
        run.steps[2].title = String(repeating: "long ", count: 40)
        run.sentence = String(repeating: "long ", count: 40)
        run.warnings = [run.sentence]
        var watch = RunWatch()
        _ = watch.step(run, atMilliseconds: 0)
        for line in RunReport(run).lines(width: width, styled: false, progress: watch.progress) {
            #expect(DisplayWidth.of(line) <= width)
        }
        run.remedy = "Start the agent at beta, then: bascule run resume 1a2b3c4d"
        let told = RunReport(run).summary(width: width, styled: false)
        for line in told { #expect(DisplayWidth.of(line) <= width) }
        #expect(told.joined().filter { $0 != " " }.hasSuffix(run.remedy.filter { $0 != " " }), "nothing of it is cut")
        for line in RunReport(run).plan(width: width) { #expect(DisplayWidth.of(line) <= width) }
        for line in RunsCommand.table(of: [run]).lines(width: width, styled: false) {
            #expect(DisplayWidth.of(line) <= width)
        }
    }
}
