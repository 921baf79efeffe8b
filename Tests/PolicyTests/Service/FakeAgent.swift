import FoundationEssentials
import LocalPorts
import MessageBus
import Messages
import SwiftProtobuf
import Synchronization

/// A scripted host agent in both roles, on a real socket: it answers well unless the script says otherwise.
final class FakeAgent: Sendable {
    /// What happens to one request instead of a good answer.
    enum Twist: Sendable {
        case refuse(RemoteError)
        /// Another reply than was asked for.
        case nonsense
        /// The answer is held back until the gate opens.
        case hold(Gate)
        /// It is done, and the answer is lost: the asker sees an error that tells nothing.
        case doAndForget
    }

    /// Opens once; whoever waits, goes on.
    final class Gate: Sendable {
        private let stream: AsyncStream<Void>
        private let opening: AsyncStream<Void>.Continuation

        init() { (stream, opening) = AsyncStream.makeStream() }

        func open() { opening.finish() }

        func wait() async { for await _ in stream {} }
    }

    private struct State: Sendable {
        var server: RequestServer?
        var log: [AgentRequest.OneOf_Request] = []
        var generations: [UInt64] = []
        var twists: [String: [Twist]] = [:]
        var changed: [UInt64] = Array(repeating: 0, count: 4)
        var checkpoints: Set<UInt64> = []
        var capture: UInt64?
        var points: [UInt64] = []
        var open: UInt64?
    }

    private let state = Mutex(State())

    static func start(_ bus: MessageBus, at endpoint: String = LocalPorts.endpoint()) async throws -> FakeAgent {
        let agent = FakeAgent()
        let server = try await bus.serve(at: endpoint) { try await agent.answer($0) }
        agent.state.withLock { $0.server = server }
        return agent
    }

    /// As bound.
    var endpoint: String { state.withLock { $0.server?.endpoint ?? "" } }

    func stop() async { await state.withLock { $0.server }?.stop() }

    // MARK: Script

    /// The next request of this name goes another way. Several are taken in order.
    func next(_ name: String, _ twist: Twist) { state.withLock { $0.twists[name, default: []].append(twist) } }

    /// Bytes that every following capture finds changed, in regions of 1 MiB.
    func setChanged(_ changed: [UInt64]) { state.withLock { $0.changed = changed } }

    func loseCheckpoints() { state.withLock { $0.checkpoints = [] } }

    /// A replica was started here from this point, and has a checkpoint of its name.
    func startReplica(from cycle: UInt64) { state.withLock { $0.checkpoints = [cycle] } }

    /// The guest's own disks, which hold this point exactly, became the base of a replica.
    func adopt(point cycle: UInt64) { state.withLock { $0.points = [cycle] } }

    /// It crashed and was started again: what was open is gone, what is on disk stays.
    func forgetOpen() {
        state.withLock {
            $0.capture = nil
            $0.open = nil
        }
    }

    // MARK: Evidence

    var log: [AgentRequest.OneOf_Request] { state.withLock { $0.log } }
    var names: [String] { log.map(Self.name) }
    var points: [UInt64] { state.withLock { $0.points } }
    var checkpoints: Set<UInt64> { state.withLock { $0.checkpoints } }
    var isAtRest: Bool { state.withLock { $0.capture == nil && $0.open == nil } }
    var generations: Set<UInt64> { state.withLock { Set($0.generations) } }

    func count(_ name: String) -> Int { names.count { $0 == name } }

    static func name(_ request: AgentRequest.OneOf_Request) -> String {
        switch request {
        case .openCapture: "OpenCapture"
        case .keepCapture: "KeepCapture"
        case .closeCapture(let close): close.committed ? "CloseCommitted" : "CloseAbandoned"
        case .releaseSource: "ReleaseSource"
        case .openCycle: "OpenCycle"
        case .commitCycle: "CommitCycle"
        case .abortCycle: "AbortCycle"
        case .describeReplica: "DescribeReplica"
        case .deleteReplica: "DeleteReplica"
        case .listPoints, .openView, .keepView, .closeView, .scrub, .doctorCheck, .setSide, .stopGuest, .startGuest,
            .startReplica, .stopReplica, .commitReplica, .prepareReplica, .adoptDisks, .describeSide:
            "other"
        }
    }

    // MARK: Answers

    func answer(_ request: IncomingRequest) async throws -> Envelope.OneOf_Body {
        guard case .agentRequest(let wire) = request.body, let asked = wire.request else {
            throw RemoteError(.unimplemented, "not an agent's request")
        }
        let name = Self.name(asked)
        let twist = state.withLock { state -> Twist? in
            state.log.append(asked)
            state.generations.append(request.envelope.generation)
            guard var twists = state.twists[name], !twists.isEmpty else { return nil }
            let first = twists.removeFirst()
            state.twists[name] = twists
            return first
        }
        switch twist {
        case .refuse(let error): throw error
        case .nonsense: return Self.body(.points(PointList()))
        case .hold(let gate): await gate.wait()
        case .doAndForget:
            _ = try state.withLock { try Self.carryOut(asked, &$0) }
            throw RemoteError(.internal, "the agent stumbled after it was done")
        case nil: break
        }
        return Self.body(try state.withLock { try Self.carryOut(asked, &$0) })
    }

    private static func body(_ reply: AgentReply.OneOf_Reply) -> Envelope.OneOf_Body {
        .agentReply(.with { $0.reply = reply })
    }

    private static func carryOut(
        _ request: AgentRequest.OneOf_Request, _ state: inout State
    ) throws -> AgentReply.OneOf_Reply {
        switch request {
        case .openCapture(let order):
            if order.kind == .incremental, !state.checkpoints.contains(order.parentCycle) {
                throw RemoteError(.failedPrecondition, "The bitmap is inconsistent.", facts: ["needs": "compare"])
            }
            state.capture = order.cycle
            state.checkpoints.insert(order.cycle)
            return .captureOpened(opened(order, state.changed))
        case .keepCapture(let keep):
            guard state.capture == keep.cycle else { throw RemoteError(.notFound, "no such capture") }
            return .done(AgentDone())
        case .closeCapture(let close):
            if state.capture == close.cycle { state.capture = nil }
            if close.committed {
                state.checkpoints = state.checkpoints.filter { $0 >= close.cycle }
            } else {
                state.checkpoints = state.checkpoints.filter { $0 == close.keepCheckpointOfCycle }
            }
            return .done(AgentDone())
        case .releaseSource:
            state.capture = nil
            state.checkpoints = []
            return .done(AgentDone())
        case .openCycle(let order):
            guard order.parentCycle == state.points.last ?? 0 else { throw RemoteError(.wrongParent, "another parent") }
            state.open = order.cycle
            return .cycleOpened(
                .with {
                    $0.bulkEndpoint = "tcp://127.0.0.1:1"
                    $0.transferToken = Data(repeating: 1, count: 16)
                    $0.cycleKey = Data(repeating: 2, count: 32)
                })
        case .commitCycle(let commit):
            if !state.points.contains(commit.cycle) {
                guard state.open == commit.cycle else { throw RemoteError(.failedPrecondition, "not open") }
                state.points.append(commit.cycle)
                state.open = nil
            }
            return .cycleCommitted(
                .with {
                    $0.point.cycle = commit.cycle
                    $0.storedBytes = 4_096
                })
        case .abortCycle(let abort):
            if state.open == abort.cycle { state.open = nil }
            return .done(AgentDone())
        case .describeReplica:
            guard !state.points.isEmpty || state.open != nil else { throw RemoteError(.notFound, "no replica") }
            return .replica(
                .with {
                    $0.newestCycle = state.points.last ?? 0
                    $0.openCycle = state.open ?? 0
                    $0.generation = 1
                })
        case .deleteReplica:
            state.points = []
            state.open = nil
            return .done(AgentDone())
        case .listPoints, .openView, .keepView, .closeView, .scrub, .doctorCheck, .setSide, .stopGuest, .startGuest,
            .startReplica, .stopReplica, .commitReplica, .prepareReplica, .adoptDisks, .describeSide:
            throw RemoteError(.unimplemented, "not in this script")
        }
    }

    private static func opened(_ order: OpenCapture, _ changed: [UInt64]) -> CaptureOpened {
        .with {
            $0.cycle = order.cycle
            $0.capturedUnixMs = 1_700_000_000_000
            $0.consistency = order.consistency
            $0.definition = "<domain/>"
            $0.disks = [
                .with {
                    $0.disk.target = "vda"
                    $0.disk.format = "qcow2"
                    $0.disk.sizeBytes = UInt64(changed.count) << 20
                    $0.nbdUri = "nbd+unix:///vda?socket=/s"
                    $0.regionBytes = 1 << 20
                    $0.changed = changed
                }
            ]
        }
    }
}
