package import MessageBus
import Messages

/// A host agent as commands see it. Every method throws `RemoteError` with what the agent or the connection said.
package struct AgentClient: Sendable {
    package let client: RequestClient
    /// Name of its host, for messages.
    package let host: String
    package let deadline: Duration

    /// Oldest first.
    package func points(of protection: String) async throws -> [PointRecord] {
        var request = ListPoints()
        request.protection = protection
        guard case .points(let list) = try await ask(.listPoints(request)) else { throw unexpected("points") }
        return list.points.map(PointRecord.init(wire:))
    }

    package func replica(of protection: String) async throws -> ReplicaRecord {
        var request = DescribeReplica()
        request.protection = protection
        guard case .replica(let replica) = try await ask(.describeReplica(request)) else {
            throw unexpected("a replica")
        }
        return ReplicaRecord(wire: replica)
    }

    /// Serves a point on a UNIX socket of the agent's host. `socket` nil: chosen by the agent. `keep` nil: until it is
    /// closed; otherwise it ends unless `keepView` comes within this time.
    package func openView(
        of protection: String, cycle: UInt64, socket: String?, keep: Duration? = nil
    ) async throws -> ViewRecord {
        var request = OpenView()
        request.protection = protection
        request.cycle = cycle
        request.socket = socket ?? ""
        request.keepMs = UInt32(clamping: keep?.milliseconds ?? 0)
        guard case .viewOpened(let view) = try await ask(.openView(request)) else { throw unexpected("a view") }
        return ViewRecord(wire: view)
    }

    package func keepView(_ view: String) async throws {
        var request = KeepView()
        request.view = view
        _ = try await ask(.keepView(request))
    }

    package func closeView(_ view: String) async throws {
        var request = CloseView()
        request.view = view
        _ = try await ask(.closeView(request))
    }

    /// Starts it, or reads how far it is.
    package func scrub(_ protection: String, restart: Bool) async throws -> ScrubRecord {
        var request = Scrub()
        request.protection = protection
        request.restart = restart
        guard case .scrubProgress(let progress) = try await ask(.scrub(request)) else { throw unexpected("progress") }
        return ScrubRecord(wire: progress)
    }

    package func doctor() async throws -> [DoctorRecord] {
        guard case .doctorReport(let report) = try await ask(.doctorCheck(DoctorCheck())) else {
            throw unexpected("a report")
        }
        return report.items.map { DoctorRecord(host: host, wire: $0) }
    }

    private func ask(_ request: AgentRequest.OneOf_Request) async throws -> AgentReply.OneOf_Reply {
        do {
            return try await client.agent(request, deadline: deadline)
        } catch let error as RemoteError {
            throw error.reaching("the agent of host \(host)", at: client.endpoint, option: nil)
        }
    }

    private func unexpected(_ expected: String) -> OperatorError {
        OperatorError(
            .failed, "the agent of host \(host) answered something else than \(expected)",
            remedy: "use the same release of bascule and of the agent: bascule health")
    }
}
