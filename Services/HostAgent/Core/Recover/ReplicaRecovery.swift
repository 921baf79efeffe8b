import FoundationEssentials
package import Hypervisor
package import Logging
import MessageBus
import Messages

import enum Replica.PointName

/// Starting a guest from its replica's directory alone: no vault, no orchestrator, no source, no network.
///
/// An agent that runs on this host is asked over its endpoint. Without one, this process is the agent for as long as the
/// command takes: on a port of its own, and silent towards the vault. The guest and its view outlive it, and the next
/// agent takes both over and tells the vault.
package struct ReplicaRecovery: Sendable {
    /// What `recover list` shows. The keys of this and of what follows are documented in JSON.md and stay.
    package struct Replica: Sendable, Encodable {
        package var protection: String
        package var guest: String
        package var guestName: String
        package var generation: UInt64
        package var newestCycle: UInt64
        /// The source host's clock; 0: no point.
        package var newestUnixMilliseconds: Int64
        package var points: Int
        /// Newest point that a guest which was started from it answered; nil: none did.
        package var verifiedCycle: UInt64?
        /// Why no point counts as verified; empty: nothing is wrong.
        package var verificationFault: String
        package var isAdopted: Bool
        /// The point that its guest runs from; nil: it does not run.
        package var runningCycle: UInt64?
        /// Why it cannot be opened, and what to do; then nothing but the protection is known. Empty: it can.
        package var fault = ""

        private enum CodingKeys: String, CodingKey {
            case protection, generation, newestCycle, points, verifiedCycle, verificationFault, runningCycle, fault
            case guest = "guestUUID"
            case guestName = "guest"
            case newestUnixMilliseconds = "capturedUnixMilliseconds"
            case isAdopted = "adopted"
        }
    }

    package struct List: Sendable, Encodable {
        package var replicas: [Replica]

        package init(replicas: [Replica]) { self.replicas = replicas }
    }

    package struct Started: Sendable, Encodable {
        package var guestName: String
        package var cycle: UInt64
        package var generation: UInt64
        package var milliseconds: UInt64
        package var warnings: [String]

        private enum CodingKeys: String, CodingKey {
            case cycle, generation, warnings
            case guestName = "guest"
            case milliseconds = "startMilliseconds"
        }
    }

    package struct Stopped: Sendable, Encodable {
        package var guestName: String
        /// The point that its guest ran from; nil: none ran.
        package var cycle: UInt64?
        package var generation: UInt64

        private enum CodingKeys: String, CodingKey {
            case cycle, generation
            case guestName = "guest"
        }
    }

    package struct Verified: Sendable, Encodable {
        package var checkedBytes: UInt64
        package var faults: [String]
        package var faultCount: UInt64
    }

    let settings: HostAgentSettings
    private let client: RequestClient

    /// Works with the replicas of this host while `body` does.
    package static func withReplicas<Result: Sendable>(
        settings: HostAgentSettings, hypervisor: any HypervisorDriver, logger: Logger,
        _ body: @Sendable (ReplicaRecovery) async throws -> Result
    ) async throws -> Result {
        let bus = MessageBus(name: "recover/\(settings.name)", logger: logger)
        do {
            let result: Result
            if try HostAgentService.isAgentRunning(settings) {
                let client = try await bus.client(to: settings.advertise.isEmpty ? settings.listen : settings.advertise)
                result = try await body(ReplicaRecovery(settings: settings, client: client))
            } else {
                result = try await withOwnAgent(settings, hypervisor, logger, bus, body)
            }
            await bus.shutdown()
            return result
        } catch {
            await bus.shutdown()
            throw error
        }
    }

    private static func withOwnAgent<Result: Sendable>(
        _ settings: HostAgentSettings, _ hypervisor: any HypervisorDriver, _ logger: Logger, _ bus: MessageBus,
        _ body: @Sendable (ReplicaRecovery) async throws -> Result
    ) async throws -> Result {
        var own = settings
        own.listen = "tcp://127.0.0.1:*"
        own.bulkListen = "tcp://127.0.0.1:*"
        own.advertise = ""
        own.bulkAdvertise = ""
        let agent = try await HostAgentService.start(
            settings: own, hypervisor: hypervisor, logger: logger, reporting: .silent)
        let client = try await bus.client(to: agent.endpoint)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await agent.run() }
            defer { agent.stop() }
            return try await body(ReplicaRecovery(settings: settings, client: client))
        }
    }

    // MARK: Points

    /// The cycle of a point of the replica, by what an operator calls it.
    ///
    /// - Throws: `RemoteError` with code `notFound`, or `invalidArgument` when the name means nothing or several.
    package func cycle(named name: String, in replica: Replica) async throws -> UInt64 {
        let point = try PointName(naming: name)
        var list = ListPoints()
        list.protection = replica.protection
        guard case .points(let points) = try await send(.listPoints(list)) else { throw unexpected }
        return try point.cycle(among: points.points, of: replica.guestName)
    }

    // MARK: Verify

    /// Reads everything once and checks every checksum.
    package func verify(
        _ protection: String, progress: @Sendable (_ checked: UInt64, _ total: UInt64) -> Void
    ) async throws -> Verified {
        var request = Scrub()
        request.protection = protection
        request.restart = true
        while true {
            guard case .scrubProgress(let report) = try await send(.scrub(request)) else { throw unexpected }
            progress(report.checkedBytes, report.totalBytes)
            if report.finished {
                return Verified(
                    checkedBytes: report.checkedBytes, faults: report.faults, faultCount: report.faultCount)
            }
            request.restart = false
            try await Task.sleep(for: HostAgentLimits.recoveryPollInterval)
        }
    }

    // MARK: Start

    /// Makes this the active side under a generation above every one that is known here, and starts the guest. Repeating
    /// it goes on under the generation that it took before.
    /// - Parameters:
    ///   - cycle: nil stands for the newest point.
    ///   - networks: bridges of this host, by the source's networks; one that is not named starts with its link down.
    package func start(_ protection: String, cycle: UInt64?, networks: [String: String]) async throws -> Started {
        let replica = try await replica(protection)
        let chosen = cycle ?? replica.runningCycle ?? replica.newestCycle
        guard chosen > 0 else {
            throw RemoteError(
                .notFound, "The replica of \(replica.guestName) holds no recovery point.", remedy: "Choose another.")
        }
        let generation = try await takeSide(replica)
        var request = StartReplica()
        request.protection = protection
        request.cycle = chosen
        request.purpose = .failover
        // From a view, like any failover that was not planned, so that every point stays to be chosen. Only a start on the
        // base itself that was begun by a failback is finished as it was begun.
        request.onBase = replica.isAdopted && replica.points == 0
        request.networks = networks.sorted { $0.key < $1.key }.map { source, target in
            var mapping = NetworkMapping()
            mapping.source = source
            mapping.target = target
            return mapping
        }
        let started: ReplicaStarted
        do {
            started = try await startReplica(request, generation)
        } catch let error as RemoteError where error.code == .conflict && replica.isAdopted {
            request.onBase = true
            started = try await startReplica(request, generation)
        }
        return Started(
            guestName: started.guestName, cycle: started.cycle, generation: generation,
            milliseconds: UInt64(started.startMs), warnings: started.warnings)
    }

    /// Removes the guest that was started from the replica, with everything it wrote, so that another point can be started.
    /// A failover that is committed is not taken back. The side stays as it is.
    package func stop(_ protection: String) async throws -> Stopped {
        let replica = try await replica(protection)
        let generation = max(try await side(of: replica).generation, replica.generation)
        var request = StopReplica()
        request.protection = protection
        request.purpose = .failover
        _ = try await send(.stopReplica(request), generation: generation)
        return Stopped(guestName: replica.guestName, cycle: replica.runningCycle, generation: generation)
    }

    private func startReplica(_ request: StartReplica, _ generation: UInt64) async throws -> ReplicaStarted {
        guard case .replicaStarted(let started) = try await send(.startReplica(request), generation: generation) else {
            throw unexpected
        }
        return started
    }

    private func takeSide(_ replica: Replica) async throws -> UInt64 {
        let side = try await side(of: replica)
        if side.active, side.generation >= replica.generation { return side.generation }
        let generation = max(side.generation, replica.generation) + 1
        var set = SetSide()
        set.protection = replica.protection
        set.guestUuid = replica.guest
        set.active = true
        _ = try await send(.setSide(set), generation: generation)
        return generation
    }

    // MARK: Pieces

    private func side(of replica: Replica) async throws -> SideDescription {
        var describe = DescribeSide()
        describe.protection = replica.protection
        describe.guestUuid = replica.guest
        guard case .side(let side) = try await send(.describeSide(describe)) else { throw unexpected }
        return side
    }

    func send(
        _ request: AgentRequest.OneOf_Request, generation: UInt64 = 0
    ) async throws -> AgentReply.OneOf_Reply {
        try await client.agent(request, generation: generation, deadline: HostAgentLimits.recoveryDeadline)
    }

    var unexpected: RemoteError {
        RemoteError(.internal, "The agent answered with something else.", remedy: "Use the same release for both.")
    }
}
