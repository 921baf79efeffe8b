import MessageBus
import Messages
import Synchronization
import Testing

@testable import OperatorCLI

/// Runs that are given up.
@Suite struct AbandonTests {
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
