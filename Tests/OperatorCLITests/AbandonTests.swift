import MessageBus
import Messages
import Synchronization
import Testing

@testable import OperatorCLI

/// What giving a run up is said to do is what the orchestrator then does.
@Suite struct AbandonTests {
    private func stoodAt(_ kind: OperatorCLI.RunRecord.Kind, _ steps: [(String, OperatorCLI.RunRecord.Step.State)])
        -> OperatorCLI.RunRecord
    {
        var run = RunSamples.record(.planned, .waiting)
        run.kind = kind
        run.steps = steps.enumerated().map { index, named in
            var step = run.steps[0]
            step.number = UInt32(index + 1)
            step.name = named.0
            step.state = named.1
            return step
        }
        return run
    }

    @Test func aGuestThatRunsAtTheTargetIsSaidToStay() {
        for kind in [OperatorCLI.RunRecord.Kind.planned, .unplanned, .failback] {
            let words = stoodAt(kind, [("start-replica", .running)]).abandonment
            #expect(words.hasPrefix("takes it back") && words.contains("web1 runs at beta already, it stays"))
        }
    }

    @Test func aChangeOfPointThatStoppedItsGuestSaysHowItComesUpAgain() {
        let before = stoodAt(.changePoint, [("choose-point", .running), ("stop-replica", .pending)])
        #expect(before.abandonment == "ends it where it is")
        let after = stoodAt(.changePoint, [("stop-replica", .done), ("start-replica", .running)])
        let told = RunWatch.standingStill(after)
        #expect(told.remedy.contains("web1 is off until bascule change-point web1 --point POINT"))
        #expect(!told.remedy.contains("take it back") && told.code == .waiting)
    }

    @Test func aCancellationGoesForward() {
        let before = stoodAt(.cancel, [("stop-replica", .running), ("cancel", .pending)])
        #expect(before.abandonment.contains("the commit pending as before"))
        let after = stoodAt(.cancel, [("stop-replica", .done), ("cancel", .done), ("fence-target", .running)])
        #expect(after.abandonment == "goes on without the host that does not answer")
    }

    @Test func whatEndsWhereItIsSaysSo() {
        for kind in [OperatorCLI.RunRecord.Kind.commit, .reverse, .cleanup] {
            #expect(stoodAt(kind, [("adopt-source", .running)]).abandonment.hasPrefix("ends it where it is"))
        }
    }

    /// Its record was lost with the orchestrator's database; the vault still knows that it holds a guest.
    @Test func aRunThatTheOrchestratorDoesNotKnowIsGivenUpAllTheSame() async throws {
        let asked = Mutex<[String]>([])
        try await ScriptedServices.run(orchestrator: { request in
            switch request {
            case .getRun: throw RemoteError(.notFound, "No run is known.")
            case .abandonRun(let order):
                asked.withLock { $0.append(order.id) }
                return .run(RunSamples.run(.cancel, .failed))
            default: throw ScriptedServices.unexpected
            }
        }) { services in
            #expect(await services.bascule("run", "abandon", "1a2b3c4d") == .refused)
            #expect(await services.bascule("run", "abandon", "1a2b3c4d", "--yes") == .ok)
            #expect(asked.withLock { $0 } == ["1a2b3c4d"])
        }
    }
}
