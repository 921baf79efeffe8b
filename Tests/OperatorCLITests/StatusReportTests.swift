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
                "GUEST  DIRECTION     ACTIVE  STATE      HEALTH  NEWEST  PENDING  CHANGED     SENT    TOOK",
                "web1   alpha → beta  alpha   protected  normal  850 ms        –  3.0 MiB  1.0 MiB  200 ms",
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
        #expect(lines[1].hasPrefix("web1   alpha → beta  alpha   protected  unknown  "))
        #expect(lines.contains("The policy service does not answer, so ages and sizes are missing: nobody answers"))
    }

    @Test(arguments: [1_000, 61_000]) func whatThePolicyServiceDoesNotKnowIsNotWellAfterAMoment(age: Int64) throws {
        var registry = Samples.registry()
        registry.protections[0].createdUnixMilliseconds = 5_000
        let report = StatusReport(
            registry: registry, protections: registry.protections, statuses: [], policyError: nil,
            nowUnixMilliseconds: 5_000 + age)
        guard age > OperatorLimits.takingUpMilliseconds else { return try report.check() }
        let error = #expect(throws: OperatorError.self) { try report.check() }
        #expect(error?.code == .refused && error?.message.contains("web1") == true)
    }

    @Test func whatIsKnownToBeBadComesBeforeWhatIsNotKnown() {
        var registry = Samples.registry()
        registry.protections[0].alarm = "Both run it."
        let report = StatusReport(
            registry: registry, protections: registry.protections, statuses: [], policyError: "nobody answers")
        #expect(#expect(throws: OperatorError.self) { try report.check() }?.code == .refused)
    }

    @Test func afterAFailoverTheTargetIsTheActiveSide() {
        var registry = Samples.registry()
        registry.protections[0].state = .commitPending
        registry.protections[0].activeSide = .target
        let report = StatusReport(
            registry: registry, protections: registry.protections, statuses: [Samples.status(newestCycle: 7)],
            policyError: nil)
        let lines = report.lines(width: nil, styled: false)
        #expect(lines[1].hasPrefix("web1   alpha → beta  beta    commit pending  normal"))
        #expect(!report.rows[0].isCritical)
    }

    @Test(arguments: Registry.State.allCases) func bothSidesRunningIsCriticalAndNamesTheWayOut(state: Registry.State) {
        var registry = Samples.registry()
        registry.protections[0].state = state
        registry.protections[0].activeSide = .target
        registry.protections[0].alarm = "web1 runs at alpha, which lost it to beta at generation 2."
        let report = StatusReport(
            registry: registry, protections: registry.protections, statuses: [Samples.status(newestCycle: 7)],
            policyError: nil)
        #expect(report.rows[0].isCritical)
        let lines = report.lines(width: nil, styled: false)
        #expect(lines[1].contains("critical"))
        let alarm = lines.first { $0.hasPrefix("  web1: web1 runs at alpha, which lost it to beta at generation 2. ") }
        let remedy = alarm?.split(separator: ". ").last ?? ""
        switch state {
        case .commitPending: #expect(remedy.contains("bascule reverse web1; or") && remedy.contains("cancel web1"))
        case .committed: #expect(remedy.contains("bascule reverse web1"))
        case .failingOver: #expect(remedy.contains("bascule runs web1"))
        case .enabling, .seeding, .protected, .paused, .resynchronizing, .disabling, .reversing, .unknown:
            #expect(remedy == "What beta holds counts: shut the guest at alpha down.")
        }
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

    @Test(arguments: [40, 60, 80]) func noWordOfAReasonOrRemedyIsLost(width: Int) {
        var registry = Samples.registry()
        registry.protections[0].alarm = "web1 runs at alpha, which lost it to beta at generation 2."
        var status = Samples.status(newestCycle: 7)
        status.health = .critical
        status.healthReason = "The newest recovery point is 95 s old; one is due every 1 s."
        status.healthRemedy = "Mend: bascule pair gold \(String(repeating: "long-name-", count: 9))end --policy fast"
        let policyError = "nobody answers at tcp://policy.example:7711, and nobody did for the last 10 s"
        let report = StatusReport(
            registry: registry, protections: registry.protections, statuses: [status], policyError: policyError)
        let lines = report.lines(width: width, styled: false)
        for line in lines { #expect(DisplayWidth.of(line) <= width, "\(line)") }
        // A word that no line holds is broken, so spaces do not count.
        let told = lines.joined().filter { $0 != " " }
        for sentence in [status.healthReason, status.healthRemedy, report.rows[0].alarm ?? "", policyError] {
            #expect(told.contains(sentence.filter { $0 != " " }), "\(sentence)")
        }
        // One that fits a line is not.
        for word in status.healthReason.split(separator: " ") {
            #expect(lines.contains { $0.split(separator: " ").contains(word) }, "\(word)")
        }
    }

    @Test func nothingProtectedSaysWhereToBegin() {
        let empty = StatusReport(registry: Registry(), protections: [], statuses: [], policyError: nil)
        #expect(
            empty.lines(width: 80, styled: false) == ["Nothing is protected yet. See what could be: bascule guests"])
    }
}
