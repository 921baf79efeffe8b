import FoundationEssentials
import LocalPorts
import MessageBus
import Messages
import SwiftProtobuf
import Synchronization

/// A vault, a policy service and two host agents on real sockets. They answer well unless the script says otherwise.
final class ScriptedSites: Sendable {
    /// What happens to a request instead of a good answer, once.
    enum Twist: Sendable {
        case refuse(RemoteError)
        case nonsense
        /// The answer is held back until the gate opens.
        case hold(Gate)
        /// The answer is late by this much.
        case late(Duration)
    }

    /// Opens once; whoever waits, goes on.
    final class Gate: Sendable {
        private let stream: AsyncStream<Void>
        private let opening: AsyncStream<Void>.Continuation

        init() { (stream, opening) = AsyncStream.makeStream() }

        func open() { opening.finish() }

        func wait() async { for await _ in stream {} }
    }

    struct State: Sendable {
        var protection = Protection()
        var hosts: [Messages.Host] = []
        var log: [String] = []
        var generations: [UInt64] = []
        var twists: [String: [Twist]] = [:]
        var cycle: UInt64 = 7
        var isTriggered = false
        var guestRuns = true
        var started: StartReplica?
        var stopped: StopGuest?
        /// Of the pair of clouds; empty: it was paired without one.
        var pairPolicy = "fast"
        /// Of tests that were ended, in order.
        var verdicts: [Messages.TestVerdict] = []
    }

    static let protection = "11111111-1111-4111-8111-111111111111"
    static let guest = "99999999-9999-4999-8999-999999999999"

    let state = Mutex(State())
    let bus: MessageBus
    let vault: RequestServer
    /// As it was first started; see `startPolicy`.
    let policy: RequestServer
    private let policyNow: Mutex<RequestServer>
    private let agents: Mutex<[String: RequestServer]>

    static func start(_ bus: MessageBus) async throws -> ScriptedSites {
        // The servers answer for the sites, which are made with their endpoints.
        let door = Mutex<ScriptedSites?>(nil)
        @Sendable func answer(_ who: String, _ request: IncomingRequest) async throws -> Envelope.OneOf_Body {
            guard let sites = door.withLock({ $0 }) else { throw RemoteError(.unavailable, "not ready") }
            return try await sites.answer(who, request)
        }
        func any() -> String { LocalPorts.endpoint() }
        let sites = ScriptedSites(
            bus: bus, vault: try await bus.serve(at: any()) { try await answer("vault", $0) },
            policy: try await bus.serve(at: any()) { try await answer("policy", $0) },
            agents: [
                "alpha": try await bus.serve(at: any()) { try await answer("alpha", $0) },
                "beta": try await bus.serve(at: any()) { try await answer("beta", $0) },
            ])
        door.withLock { $0 = sites }
        return sites
    }

    private init(bus: MessageBus, vault: RequestServer, policy: RequestServer, agents: [String: RequestServer]) {
        self.bus = bus
        self.vault = vault
        self.policy = policy
        policyNow = Mutex(policy)
        self.agents = Mutex(agents)
        state.withLock { state in
            state.hosts = ["alpha", "beta"].map { name in
                .with {
                    $0.id = "\(name)-id"
                    $0.name = name
                    $0.controlEndpoint = agents[name]?.endpoint ?? ""
                    $0.reachable = true
                    $0.capacity.memoryFreeBytes = 8 << 30
                }
            }
            state.protection = .with {
                $0.id = Self.protection
                $0.guestUuid = Self.guest
                $0.guestName = "web"
                $0.sourceHostID = "alpha-id"
                $0.targetHostID = "beta-id"
                $0.sourceCloud = "a"
                $0.targetCloud = "b"
                $0.state = .protected
                $0.direction = .forward
                $0.activeSide = .source
                $0.generation = 4
                $0.version = 9
            }
        }
    }

    // MARK: Script

    /// The next request of this name goes another way.
    func next(_ name: String, _ twist: Twist) { state.withLock { $0.twists[name, default: []].append(twist) } }

    func stopAgent(_ name: String) async { await agents.withLock { $0[name] }?.stop() }

    /// On the port that it had.
    func startAgent(_ name: String) async throws {
        let endpoint = agents.withLock { $0[name]?.endpoint ?? "" }
        let server = try await bus.serve(at: endpoint) { try await self.answer(name, $0) }
        agents.withLock { $0[name] = server }
    }

    func stopPolicy() async { await policyNow.withLock { $0 }.stop() }

    /// On the port that it had.
    func startPolicy() async throws {
        let server = try await bus.serve(at: policy.endpoint) { try await self.answer("policy", $0) }
        policyNow.withLock { $0 = server }
    }

    func setReachable(_ name: String, _ isReachable: Bool) {
        state.withLock { state in
            for index in state.hosts.indices where state.hosts[index].name == name {
                state.hosts[index].reachable = isReachable
            }
        }
    }

    // MARK: Evidence

    /// `peer request`, without what only reads.
    var acts: [String] {
        let questions: Set<String> = [
            "GetSnapshot", "DescribeSide", "DescribeReplica", "ListPoints", "ListPolicies", "GetStatus", "GetHistory",
        ]
        return log.filter { entry in !questions.contains { entry.hasSuffix($0) } }
    }

    var log: [String] { state.withLock { $0.log } }

    // MARK: Answers

    private func answer(_ who: String, _ request: IncomingRequest) async throws -> Envelope.OneOf_Body {
        let name = Self.name(request.body)
        let twist = state.withLock { state -> Twist? in
            state.log.append("\(who) \(name)")
            if request.envelope.generation > 0 { state.generations.append(request.envelope.generation) }
            guard var twists = state.twists[name], !twists.isEmpty else { return nil }
            let first = twists.removeFirst()
            state.twists[name] = twists
            return first
        }
        switch twist {
        case .refuse(let error): throw error
        case .nonsense: return .agentReply(.with { $0.reply = .doctorReport(DoctorReport()) })
        case .hold(let gate): await gate.wait()
        // Slept, because the caller's deadline runs on the real clock.
        case .late(let delay): try await Task.sleep(for: delay)
        case nil: break
        }
        return try state.withLock { try Self.carryOut(request.body, who, &$0) }
    }

    private static func name(_ body: Envelope.OneOf_Body) -> String {
        let text =
            switch body {
            case .vaultRequest(let wire):
                if case .advanceFailover(let advance)? = wire.request { "\(advance.step)" } else { "GetSnapshot" }
            case .policyRequest(let wire): "\(wire.request.map { "\($0)" } ?? "")"
            case .agentRequest(let wire): "\(wire.request.map { "\($0)" } ?? "")"
            case .error, .heartbeat, .healthRequest, .healthReply, .vaultReply, .vaultEvent, .policyReply,
                .agentReply, .orchestratorRequest, .orchestratorReply:
                "other"
            }
        let word = text.prefix { $0 != "(" }
        return (word.first.map { String($0).uppercased() } ?? "") + word.dropFirst()
    }

    private static func carryOut(
        _ body: Envelope.OneOf_Body, _ who: String, _ state: inout State
    ) throws -> Envelope.OneOf_Body {
        switch body {
        case .vaultRequest(let wire):
            return .vaultReply(.with { $0.reply = vaultReply(to: wire, &state) })
        case .policyRequest(let wire):
            return .policyReply(.with { $0.reply = policyReply(to: wire, &state) })
        case .agentRequest(let wire):
            return .agentReply(.with { $0.reply = agentReply(to: wire, who, &state) })
        case .error, .heartbeat, .healthRequest, .healthReply, .vaultReply, .vaultEvent, .policyReply, .agentReply,
            .orchestratorRequest, .orchestratorReply:
            throw RemoteError(.unimplemented, "not in this script")
        }
    }
}
