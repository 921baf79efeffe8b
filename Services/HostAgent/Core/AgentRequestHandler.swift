import FoundationEssentials
import Logging
import MessageBus
import Messages
import ServiceRuntime

import class Replica.Replica

/// Answers one request: checks it, hands it to the role it is for, and puts the answer into words of the wire.
struct AgentRequestHandler: Sendable {
    let settings: HostAgentSettings
    let bulkEndpoint: String
    let source: SourceRole
    let target: TargetRole
    let views: ViewSupervisor
    let sides: SideRole
    let power: GuestPower
    let started: StartedRole
    let sideDescriptions: SideDescriptions
    let doctor: Doctor
    let health: AgentHealth
    let standing: HostStanding
    let logger: Logger

    func answer(_ request: IncomingRequest) async throws -> Envelope.OneOf_Body {
        do {
            switch request.body {
            case .healthRequest:
                return .healthReply(await health.reply())
            case .agentRequest(let agent):
                guard let body = agent.request else {
                    throw RemoteError(.invalidArgument, "The request is empty, or of a later release.")
                }
                try await standing.check(body)
                var reply = AgentReply()
                let generation = try RequiredField.generation(request.envelope.generation)
                reply.reply = try await carryOut(body, generation: generation)
                return .agentReply(reply)
            case .error, .heartbeat, .healthReply, .vaultRequest, .vaultReply, .vaultEvent, .policyRequest,
                .policyReply, .agentReply, .orchestratorRequest, .orchestratorReply:
                throw RemoteError(
                    .unimplemented, "A host agent does not answer this.",
                    remedy: "Send it to the service it is meant for.")
            }
        } catch {
            let answer = RemoteError(answering: error)
            log(error, answer, request.body)
            throw answer
        }
    }

    /// Its cause and facts are told to programs alone, so that this is where a person finds them. Questions are asked again
    /// and again, commands are not.
    private func log(_ error: any Error, _ answer: RemoteError, _ request: Envelope.OneOf_Body) {
        let facts = answer.facts.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", ")
        guard answer.code != .internal else {
            return logger.error("request failed", metadata: ["error": "\(error)", "facts": "\(facts)"])
        }
        let isQuestion: Bool
        switch request {
        case .agentRequest(let agent): isQuestion = agent.request.map(HostStanding.isQuestion) ?? true
        case .healthRequest, .error, .heartbeat, .healthReply, .vaultRequest, .vaultReply, .vaultEvent, .policyRequest,
            .policyReply, .agentReply, .orchestratorRequest, .orchestratorReply:
            isQuestion = true
        }
        logger.log(
            level: isQuestion ? .debug : .notice, "request refused",
            metadata: ["code": "\(answer.code)", "message": "\(answer.message)", "facts": "\(facts)"])
    }

    private func carryOut(
        _ body: AgentRequest.OneOf_Request, generation: UInt64
    ) async throws -> AgentReply.OneOf_Reply {
        switch body {
        case .openCapture(let request):
            return .captureOpened(
                try CaptureOpened(try await source.open(try SourceRole.CaptureOrder(request, generation: generation))))
        case .keepCapture(let request):
            try await source.keep(
                protection: try protection(request.protection), cycle: request.cycle, generation: generation,
                keep: SourceRole.CaptureOrder.keep(request.keepMs))
            return .done(AgentDone())
        case .closeCapture(let request):
            let kept = try RequiredField.count(request.keepCheckpointOfCycle, "keep_checkpoint_of_cycle")
            try await source.close(
                protection: try protection(request.protection), cycle: request.cycle, committed: request.committed,
                keepCheckpointOf: kept == 0 ? nil : kept, generation: generation)
            return .done(AgentDone())
        case .releaseSource(let request): return try await releaseSource(request, generation: generation)
        case .openCycle(let request):
            let opened = try await target.open(try TargetRole.CycleOrder(request, generation: generation))
            return .cycleOpened(CycleOpened(opened, bulkEndpoint: bulkEndpoint))
        case .commitCycle(let request):
            let point = try await target.commit(
                protection: try protection(request.protection), cycle: request.cycle, generation: generation,
                jobs: try storedJobs(request.jobs),
                retention: request.hasRetention ? ReplicaRetention(request.retention) : nil)
            return .cycleCommitted(CycleCommitted(point))
        case .abortCycle(let request):
            try await target.abort(
                protection: try protection(request.protection), cycle: request.cycle, generation: generation)
            return .done(AgentDone())
        case .describeReplica(let request):
            return .replica(Messages.ReplicaDescription(try await target.describe(try protection(request.protection))))
        case .listPoints(let request):
            var list = PointList()
            list.points = try await target.points(of: try protection(request.protection)).map {
                Messages.RecoveryPoint($0)
            }
            return .points(list)
        case .deleteReplica(let request): return try await deleteReplica(request, generation: generation)
        case .openView(let request):
            return .viewOpened(try await openView(request))
        case .keepView(let request):
            try await views.keep(try RequiredField.text(request.view, "view"))
            return .done(AgentDone())
        case .closeView(let request):
            await views.close(try RequiredField.text(request.view, "view"))
            return .done(AgentDone())
        case .scrub(let request):
            return .scrubProgress(
                ScrubProgress(
                    try await target.scrub(try protection(request.protection), restart: request.restart)))
        case .doctorCheck:
            return .doctorReport(await doctor.examine())
        case .setSide(let request): return try await setSide(request, generation: generation)
        case .stopGuest(let request): return try await stopGuest(request, generation: generation)
        case .startGuest(let request): return try await startGuest(request, generation: generation)
        case .startReplica(let request):
            return try await startReplica(request, generation: generation, arrival: ContinuousClock.now)
        case .stopReplica(let request): return try await stopReplica(request, generation: generation)
        case .commitReplica(let request):
            return .workProgress(
                try WorkProgress(
                    try await started.commit(
                        try protection(request.protection), generation: try requiredGeneration(generation))))
        case .prepareReplica(let request):
            return .workProgress(
                try WorkProgress(
                    try await started.prepare(
                        try protection(request.protection), generation: try requiredGeneration(generation))))
        case .adoptDisks(let request): return try await adoptDisks(request, generation: generation)
        case .describeSide(let request):
            return .side(try await sideDescriptions.describe(try protection(request.protection), request.guestUuid))
        }
    }

    private func openView(_ request: OpenView) async throws -> ViewOpened {
        let protection = try protection(request.protection)
        let points = try await target.points(of: protection)
        guard let point = request.cycle == 0 ? points.last : points.first(where: { $0.cycle == request.cycle }) else {
            throw RemoteError(
                .notFound, "The replica has no such recovery point.", remedy: "List its points.",
                facts: ["cycle": "\(request.cycle)", "points": "\(points.count)"])
        }
        let view = try await views.open(
            protection: protection, replica: settings.replicaDirectory(of: protection), cycle: point.cycle,
            socket: request.socket, keep: Self.viewKeep(request.keepMs))
        return ViewOpened(view, point: point)
    }

    /// A longer time than allowed is shortened.
    private static func viewKeep(_ milliseconds: UInt32) -> Duration? {
        milliseconds == 0
            ? nil : .milliseconds(Int64(min(milliseconds, HostAgentLimits.viewKeepMillisecondsMaximum)))
    }

    /// In the form that paths and names use.
    func protection(_ text: String) throws -> String {
        try RequiredField.uuid(text, "protection").uuidString.lowercased()
    }

    private func storedJobs(_ jobs: [StoredJob]) throws -> [CycleStateMachine.StoredJob] {
        guard jobs.count <= HostAgentLimits.jobsPerCommitMaximum else {
            throw RemoteError(.invalidArgument, "A commit names too many jobs.", facts: ["jobs": "\(jobs.count)"])
        }
        return try jobs.map { try CycleStateMachine.StoredJob($0) }
    }
}
