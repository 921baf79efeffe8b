import Testing

@testable import FailoverOrchestrator

/// What an operator is told to do leads on: commands that exist, with the guest that is meant.
@Suite struct AdmissionRemedyTests {
    private func refusal(
        _ kind: RunKind, _ entry: ProtectionEntry, others: [RunRecord] = [], silent: Set<String> = []
    ) -> OrchestratorError? {
        var registry = Samples.registry(entry)
        for index in registry.hosts.indices where silent.contains(registry.hosts[index].id) {
            registry.hosts[index].isReachable = false
        }
        do throws(OrchestratorError) {
            _ = try RunAdmission(
                request: Samples.request(kind), id: "new", sender: "", registry: registry, others: others,
                now: Samples.start
            ).record()
            return nil
        } catch {
            return error
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
}
