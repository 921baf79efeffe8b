import Testing

@testable import FailoverOrchestrator

/// What an operator is told to do leads on: commands that exist, with the guest that is meant.
@Suite struct AdmissionRemedyTests {
    private func refusal(
        _ kind: RunKind, _ entry: ProtectionEntry, others: [RunRecord] = [], silent: Set<String> = []
    ) -> OrchestratorError? {
        Samples.refusal(kind, entry, others: others) { registry in
            for index in registry.hosts.indices where silent.contains(registry.hosts[index].id) {
                registry.hosts[index].isReachable = false
            }
        }
    }

    /// The vault would take it, and the target's guest is fenced by the newer generation when it is back.
    @Test func `a cancellation needs the source alone`() {
        let pending = Samples.entry(.commitPending, active: .target)
        #expect(refusal(.cancel, pending, silent: ["h2"]) == nil)
        #expect(refusal(.cancel, pending, silent: ["h1"])?.facts["host"] == "h1")
    }

    @Test(arguments: [RunKind.commit, .changePoint, .reverse])
    func `where the target is lost while a commit is pending, the way out is a cancellation`(kind: RunKind) {
        let error = refusal(kind, Samples.entry(.commitPending, active: .target), silent: ["h2"])
        #expect(error?.facts["rule"] == "host-silent" && error?.remedy.contains("“bascule cancel web”") == true)
    }

    @Test func `a source that is lost does not hold up the unplanned failover for ever`() throws {
        var planned = try Samples.record(Samples.request(.planned), registry: Samples.registry())
        let held = Samples.entry(.failingOver, run: Samples.run)
        let error = refusal(.unplanned, held, others: [planned])
        #expect(error?.remedy.contains("If alpha is lost: “bascule run abandon 22222222 --yes”") == true)
        // Beyond the return its guest is being started at the target anyway.
        let activate = try #require(planned.index(of: .activate))
        planned.progress = .forward(activate)
        let later = refusal(.unplanned, held, others: [planned])
        #expect(later?.facts["rule"] == "run-under-way" && later?.remedy.contains("abandon") == false)
    }

    @Test func `remedies name the guest, and commands as they are parsed`() throws {
        let silent = refusal(.planned, Samples.entry(), silent: ["h1"])
        #expect(silent?.remedy.contains("“bascule failover web --unplanned”") == true)
        var taken = Samples.entry(.commitPending, active: .target)
        taken.failoverCycle = 0
        #expect(refusal(.commit, taken)?.remedy.contains("“bascule change-point web --point latest”") == true)
        var facts = try Samples.record(Samples.request(.planned), registry: Samples.registry()).facts
        var empty = Samples.registry()
        empty.protections = []
        let gone = #expect(throws: OrchestratorError.self) {
            try facts.take(empty, protection: Samples.protection, guest: "web", run: Samples.run)
        }
        #expect(gone?.message.contains("web") == true && gone?.remedy.contains("bascule audit") == true)
    }
}
