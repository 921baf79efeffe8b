package import MessageBus
import Messages

/// The failover orchestrator as commands see it. Every method throws `RemoteError` with what the service or the
/// connection said.
package struct OrchestratorClient: Sendable {
    package let client: RequestClient
    package let deadline: Duration

    /// What a run would do; nothing is done and nothing is stored.
    package func plan(_ order: RunOrder) async throws -> RunRecord {
        try await run(.startRun(order.wire(dryRun: true)))
    }

    /// Begins a run, and answers at once.
    package func start(_ order: RunOrder) async throws -> RunRecord {
        try await run(.startRun(order.wire(dryRun: false)))
    }

    /// `id`: the whole identifier, or its first eight characters or more.
    package func run(_ id: String) async throws -> RunRecord {
        var request = GetRun()
        request.id = id
        return try await run(.getRun(request))
    }

    /// Newest first. `protection` nil: of all.
    package func runs(of protection: String?, limit: UInt32) async throws -> [RunRecord] {
        var request = ListRuns()
        request.protection = protection ?? ""
        request.limit = limit
        guard case .runs(let list) = try await ask(.listRuns(request)) else { throw unexpected("runs") }
        return list.runs.map(RunRecord.init(wire:))
    }

    /// A waiting run tries its step again at once.
    package func resume(_ id: String) async throws -> RunRecord {
        var request = ResumeRun()
        request.id = id
        return try await run(.resumeRun(request))
    }

    /// A waiting run is taken back as far as it can be, and fails.
    package func abandon(_ id: String) async throws -> RunRecord {
        var request = AbandonRun()
        request.id = id
        return try await run(.abandonRun(request))
    }

    private func run(_ request: OrchestratorRequest.OneOf_Request) async throws -> RunRecord {
        guard case .run(let run) = try await ask(request) else { throw unexpected("a run") }
        return RunRecord(wire: run)
    }

    private func ask(_ request: OrchestratorRequest.OneOf_Request) async throws -> OrchestratorReply.OneOf_Reply {
        do {
            return try await client.orchestrator(request, deadline: deadline)
        } catch let error as RemoteError {
            throw error.reaching("the failover orchestrator", at: client.endpoint, option: "--orchestrator")
        }
    }

    private func unexpected(_ expected: String) -> OperatorError {
        OperatorError(
            .failed, "the failover orchestrator at \(client.endpoint) answered something else than \(expected)",
            remedy: "use the same release of bascule and of the orchestrator: bascule health")
    }
}
