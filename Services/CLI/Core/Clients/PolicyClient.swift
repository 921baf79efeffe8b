package import MessageBus
import Messages

/// The policy service as commands see it. Every method throws `RemoteError` with what the service or the connection
/// said.
package struct PolicyClient: Sendable {
    package let client: RequestClient
    package let deadline: Duration

    /// `protection` nil: of all.
    package func statuses(of protection: String? = nil) async throws -> [ReplicationStatus] {
        var request = GetStatus()
        request.protection = protection ?? ""
        guard case .statuses(let list) = try await ask(.getStatus(request)) else { throw unexpected("statuses") }
        return list.statuses.map(ReplicationStatus.init(wire:))
    }

    /// - Returns: nil while the policy service has not heard of the protection.
    package func status(of protection: String) async throws -> ReplicationStatus? {
        do {
            return try await statuses(of: protection).first { $0.protection == protection }
        } catch let error as RemoteError where error.code == .notFound {
            return nil
        }
    }

    package func policies() async throws -> [PolicyRecord] {
        guard case .policies(let list) = try await ask(.listPolicies(ListPolicies())) else {
            throw unexpected("policies")
        }
        return list.policies.map(PolicyRecord.init(wire:)).sorted { $0.name < $1.name }
    }

    /// - Throws: `OperatorError` with code `notFound`.
    package func policy(named name: String) async throws -> PolicyRecord {
        guard let policy = try await policies().first(where: { $0.name == name }) else {
            throw OperatorError(
                .notFound, "there is no policy named \"\(name)\"", remedy: "see them all: bascule policy list")
        }
        return policy
    }

    /// Creates or changes it; the version in `policy` is the one it expects, 0: none or whatever it is.
    package func put(_ policy: PolicyRecord) async throws -> PolicyRecord {
        var request = PutPolicy()
        request.policy = policy.wire
        request.expectedVersion = policy.version
        guard case .policy(let stored) = try await ask(.putPolicy(request)) else { throw unexpected("the policy") }
        return PolicyRecord(wire: stored)
    }

    package func delete(named name: String) async throws {
        var request = DeletePolicy()
        request.name = name
        _ = try await ask(.deletePolicy(request))
    }

    /// Makes the next cycle due at once.
    package func trigger(_ protection: String, consistency: CycleRecord.Consistency) async throws {
        var request = TriggerCycle()
        request.protection = protection
        request.consistency = consistency.wire
        _ = try await ask(.triggerCycle(request))
    }

    package func history(of protection: String, limit: UInt32) async throws -> [CycleRecord] {
        var request = GetHistory()
        request.protection = protection
        request.limit = limit
        guard case .history(let history) = try await ask(.getHistory(request)) else { throw unexpected("a history") }
        return history.cycles.map(CycleRecord.init(wire:))
    }

    package func workers() async throws -> [WorkerRecord] {
        guard case .workers(let list) = try await ask(.listWorkers(ListWorkers())) else { throw unexpected("workers") }
        return list.workers.map(WorkerRecord.init(wire:)).sorted { $0.name < $1.name }
    }

    /// Gives the workers of this name no job any more; answers how they are.
    package func drain(worker name: String) async throws -> [WorkerRecord] {
        var request = DrainWorker()
        request.name = name
        guard case .workers(let list) = try await ask(.drainWorker(request)) else { throw unexpected("workers") }
        return list.workers.map(WorkerRecord.init(wire:))
    }

    package func resume(worker name: String) async throws -> [WorkerRecord] {
        var request = ResumeWorker()
        request.name = name
        guard case .workers(let list) = try await ask(.resumeWorker(request)) else { throw unexpected("workers") }
        return list.workers.map(WorkerRecord.init(wire:))
    }

    private func ask(_ request: PolicyRequest.OneOf_Request) async throws -> PolicyReply.OneOf_Reply {
        do {
            return try await client.policy(request, deadline: deadline)
        } catch let error as RemoteError {
            throw error.reaching("the policy service", at: client.endpoint, option: "--policy-service")
        }
    }

    private func unexpected(_ expected: String) -> OperatorError {
        OperatorError(
            .failed, "the policy service at \(client.endpoint) answered something else than \(expected)",
            remedy: "use the same release of bascule and of the policy service: bascule health")
    }
}
