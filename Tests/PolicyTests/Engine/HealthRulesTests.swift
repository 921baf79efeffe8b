import Testing

@testable import Policy

@Suite struct HealthRulesTests {
    var evidence = HealthRules.Evidence(
        state: .protected, stateReason: "", guestName: "web1",
        pair: PairEntry.Key(sourceCloud: "gold", targetCloud: "gold-dr"), binding: .known(Samples.settings()),
        newestAgeMilliseconds: 10_000,
        need: .incremental, failuresInARow: 0, lastError: nil, unservedBecause: nil, sourceHostName: "alpha",
        consistencyNote: "", waitsUntil: nil, standstill: nil, now: Samples.start)

    func level() -> ProtectionHealth.Level { HealthRules.assess(evidence).level }

    @Test func `a young point is normal`() {
        #expect(HealthRules.assess(evidence) == .normal)
    }

    @Test mutating func `an old point is a warning, a very old one critical`() {
        evidence.newestAgeMilliseconds = 65_000
        #expect(level() == .normal)
        evidence.newestAgeMilliseconds = 65_001
        #expect(level() == .warning)
        #expect(HealthRules.assess(evidence).reason.contains("65 s old"))
        evidence.newestAgeMilliseconds = 210_001
        #expect(level() == .critical)
    }

    @Test mutating func `failing once is a warning, three times critical, with the error's own words`() {
        evidence.failuresInARow = 1
        evidence.lastError = PolicyError(.resourceExhausted, "The target is full.", remedy: "Add space.")
        #expect(level() == .warning)
        evidence.failuresInARow = 3
        let health = HealthRules.assess(evidence)
        #expect(health.level == .critical)
        #expect(health.reason.contains("The target is full."))
        #expect(health.remedy == "Add space.")
    }

    @Test mutating func `an unknown policy is critical and says what to do`() {
        evidence.binding = .unknown(name: "gold")
        let health = HealthRules.assess(evidence)
        #expect(health.level == .critical)
        #expect(health.reason.contains("gold") && health.remedy.contains("bascule policy set gold,"))
        evidence.binding = .unknown(name: "")
        #expect(HealthRules.assess(evidence).reason.contains("paired"))
    }

    @Test mutating func `the worst finding wins`() {
        evidence.newestAgeMilliseconds = 70_000
        evidence.unservedBecause = JobBoard(seed: 1).noWorker(host: "h1", named: "alpha")
        let health = HealthRules.assess(evidence)
        #expect(health.level == .critical)
        #expect(health.remedy.contains("bascule-worker"))
    }

    @Test mutating func `between the sides it is said where the guest runs and what can be done`() {
        evidence.activeHostName = "beta"
        evidence.newestAgeMilliseconds = 9_000_000
        evidence.run = "5a1c"
        evidence.state = .failingOver
        #expect(level() == .normal && HealthRules.assess(evidence).reason.contains("5a1c"))
        evidence.activeSide = .target
        #expect(level() == .warning && HealthRules.assess(evidence).reason.contains("beta"))
        evidence.state = .commitPending
        evidence.failoverCycle = 12
        #expect(level() == .warning)
        #expect(HealthRules.assess(evidence).reason == "The guest runs at beta from point 12 and is not replicated.")
        for command in ["commit web1", "change-point web1 --point P", "cancel web1", "reverse web1"] {
            #expect(HealthRules.assess(evidence).remedy.contains("bascule \(command)."))
        }
        evidence.state = .committed
        #expect(
            level() == .warning
                && HealthRules.assess(evidence).remedy.hasPrefix("Replicate it back: bascule reverse web1."))
        #expect(HealthRules.assess(evidence).remedy.contains("bascule hosts remove alpha"))
        evidence.state = .reversing
        #expect(level() == .warning && HealthRules.assess(evidence).reason.contains("first cycle back"))
        evidence.failuresInARow = 3
        evidence.lastError = PolicyError(.unavailable, "The host does not answer.")
        #expect(level() == .critical)
    }

    @Test mutating func `both sides running the guest is critical, whatever else there is`() {
        for state in ProtectionEntry.State.allCases {
            evidence.state = state
            evidence.alarm = "Host beta is active at generation 2, and host alpha runs the guest all the same."
            #expect(level() == .critical && HealthRules.assess(evidence).reason == evidence.alarm)
        }
    }

    @Test mutating func `circumstances are told`() {
        evidence.need = .compare(reason: "QEMU was killed")
        #expect(HealthRules.assess(evidence).reason.contains("QEMU was killed"))
        #expect(level() == .warning)
        evidence.need = .full(reason: "First replication")
        evidence.newestAgeMilliseconds = nil
        #expect(level() == .normal)
        #expect(HealthRules.assess(evidence).reason.contains("Initial replication"))
        evidence.waitsUntil = Samples.start + 90_000
        #expect(HealthRules.assess(evidence).reason.contains("starts in 90 s"))
        evidence.waitsUntil = nil
        evidence.need = .incremental
        evidence.consistencyNote = "no guest agent"
        #expect(level() == .warning)
    }

    @Test mutating func `a host that stands in the way is named, as badly as its silence weighs`() {
        evidence.standstill = .init(hostName: "beta", phase: "aborting")
        #expect(level() == .warning)
        #expect(HealthRules.assess(evidence).reason.contains("beta"))
        evidence.newestAgeMilliseconds = 1_000_000
        #expect(level() == .critical)
        #expect(HealthRules.assess(evidence).reason.contains("beta"))
        evidence.state = .disabling
        #expect(HealthRules.assess(evidence).remedy.contains("bascule-agent"))
    }

    @Test mutating func `a host that refuses is no host that does not answer`() {
        evidence.state = .disabling
        let refusal = PolicyError(
            .failedPrecondition, "A test runs from the replica", remedy: "Clean the test up first.")
        evidence.standstill = .init(hostName: "beta", phase: "removing", error: refusal)
        let health = HealthRules.assess(evidence)
        #expect(health.level == .warning && health.remedy == "Clean the test up first.")
        #expect(health.reason.hasSuffix("Host beta: A test runs from the replica."))
        // What it says in its own name is not said twice.
        evidence.standstill?.error = refusal.said(by: "beta")
        #expect(HealthRules.assess(evidence) == health)
        evidence.standstill?.error = PolicyError(.unavailable, "no answer", facts: ["origin": "caller"])
        #expect(HealthRules.assess(evidence).reason.contains("does not answer"))
        #expect(HealthRules.assess(evidence).remedy.contains("bascule hosts remove beta"))
    }

    @Test mutating func `a failure tells who said it, its cause and where, in a sentence`() {
        evidence.failuresInARow = 5
        let error = PolicyError(
            .unavailable, "the operating system refused a file operation", remedy: "See the cause.",
            facts: ["cause": "write: Input/output error", "path": "/replicas/1/incoming/5.hrl"])
        evidence.lastError = error.said(by: "beta")
        let expected =
            "The last 5 cycles failed: Host beta: the operating system refused a file operation: write: "
            + "Input/output error (/replicas/1/incoming/5.hrl)."
        #expect(HealthRules.assess(evidence).reason == expected)
        let silence = PolicyError(.deadlineExceeded, "No answer from tcp://a:1", facts: ["origin": "caller"])
        #expect(silence.said(by: "beta") == silence)
    }

    @Test mutating func `a pause is told with who asked, and hides nothing else`() {
        evidence.state = .paused
        evidence.stateReason = "ann: maintenance"
        let health = HealthRules.assess(evidence)
        #expect(health.level == .warning)
        #expect(health.reason.contains("ann: maintenance"))
        evidence.state = .disabling
        #expect(level() == .normal)
    }
}
