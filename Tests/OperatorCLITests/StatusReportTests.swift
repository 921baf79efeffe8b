import Testing

@testable import OperatorCLI

@Suite struct StatusReportTests {
    private func report(_ statuses: [ReplicationStatus], policyError: String? = nil) -> StatusReport {
        let registry = Samples.registry()
        return StatusReport(
            registry: registry, protections: registry.protections, statuses: statuses, policyError: policyError)
    }

    @Test func aHealthyProtectionTakesOneRow() {
        #expect(
            report([Samples.status(newestCycle: 7)]).lines(width: nil, styled: false) == [
                "GUEST  DIRECTION     STATE      HEALTH  NEWEST  PENDING  CHANGED     SENT    TOOK",
                "web1   alpha → beta  protected  normal  850 ms        –  3.0 MiB  1.0 MiB  200 ms",
                "Not protected: db1",
            ])
    }

    @Test func whatIsNotNormalSaysWhyAndWhatToDo() {
        var status = Samples.status(newestCycle: 7)
        status.health = .critical
        status.healthReason = "The newest point is 5 min old."
        status.healthRemedy = "Start a worker."
        let lines = report([status]).lines(width: nil, styled: false)
        #expect(lines.contains("  web1: The newest point is 5 min old. Start a worker."))
    }

    @Test func withoutThePolicyServiceTheStatesAreStillShown() {
        let lines = report([], policyError: "nobody answers").lines(width: nil, styled: false)
        #expect(lines[1].hasPrefix("web1   alpha → beta  protected  unknown  "))
        #expect(lines.contains("The policy service does not answer, so ages and sizes are missing: nobody answers"))
    }

    @Test(arguments: [40, 60, 80, 100]) func everyLineFitsTheTerminal(width: Int) {
        var status = Samples.status(newestCycle: 7)
        status.health = .warning
        status.healthReason = String(repeating: "long ", count: 40)
        for line in report([status], policyError: String(repeating: "long ", count: 40)).lines(
            width: width, styled: false)
        {
            #expect(DisplayWidth.of(line) <= width)
        }
    }

    @Test func nothingProtectedSaysWhereToBegin() {
        let empty = StatusReport(registry: Registry(), protections: [], statuses: [], policyError: nil)
        #expect(
            empty.lines(width: 80, styled: false) == ["Nothing is protected yet. See what could be: bascule guests"])
    }
}
