import Eventually
import Foundation
import LocalPorts
import Logging
import MessageBus
import Messages
import SwiftProtobuf

@testable import FailoverOrchestrator

/// The orchestrator alone, in this process, over real sockets, among scripted sites.
final class OrchestratorBench: Sendable {
    let bus: MessageBus
    let sites: ScriptedSites
    let state: String
    let logger: Logger

    /// A running service and a client of it.
    struct Running: Sendable {
        let service: OrchestratorService
        let client: RequestClient
        let task: Task<Void, any Error>

        /// Stops it as SIGTERM would.
        func stop() async throws {
            service.stop()
            try await task.value
        }

        func start(
            _ kind: Messages.RunKind, operation: OperationIdentifier = .random(),
            _ fill: (inout StartRun) -> Void = { _ in }
        ) async throws -> Run {
            var request = StartRun()
            request.kind = kind
            request.protection = "web"
            request.point = .latest
            fill(&request)
            let reply = try await client.orchestrator(.startRun(request), deadline: .seconds(60), operation: operation)
            guard case .run(let run) = reply else { throw NeverHappened(description: "StartRun was answered \(reply)") }
            return run
        }

        func run(_ id: String) async throws -> Run {
            let reply = try await client.orchestrator(.getRun(.with { $0.id = id }), deadline: .seconds(60))
            guard case .run(let run) = reply else { throw NeverHappened(description: "GetRun was answered \(reply)") }
            return run
        }

        func runs() async throws -> [Run] {
            let reply = try await client.orchestrator(.listRuns(.init()), deadline: .seconds(60))
            guard case .runs(let list) = reply else {
                throw NeverHappened(description: "ListRuns was answered \(reply)")
            }
            return list.runs
        }

        /// Waits for the run to be in a state.
        func run(_ id: String, _ state: Messages.RunState) async throws -> Run {
            try await eventually("run \(id) \(state)") {
                let run = try await run(id)
                return run.state == state ? run : nil
            }
        }
    }

    static func use(_ body: (OrchestratorBench) async throws -> Void) async throws {
        let logger = Logger(label: "test") { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = ProcessInfo.processInfo.environment["BASCULE_TEST_LOG"] == nil ? .critical : .debug
            return handler
        }
        let state = "/tmp/bsc-\(UUID().uuidString.prefix(8))"
        let bus = MessageBus(name: "test", logger: logger)
        let outcome: Result<Void, any Error>
        do {
            let bench = OrchestratorBench(
                bus: bus, sites: try await ScriptedSites.start(bus), state: state, logger: logger)
            outcome = .success(try await body(bench))
        } catch {
            outcome = .failure(error)
        }
        await bus.shutdown()
        if FileManager.default.fileExists(atPath: state) { try FileManager.default.removeItem(atPath: state) }
        try outcome.get()
    }

    private init(bus: MessageBus, sites: ScriptedSites, state: String, logger: Logger) {
        self.bus = bus
        self.sites = sites
        self.state = state
        self.logger = logger
    }

    /// Starts the service on the same database each time.
    func start() async throws -> Running {
        let settings = OrchestratorSettings(
            state: state, listen: LocalPorts.endpoint(), vault: sites.vault.endpoint, policy: sites.policy.endpoint)
        let service = try await OrchestratorService.start(settings: settings, logger: logger)
        // Awaited by `stop`, and ended by it.
        let task = Task { try await service.run() }
        return Running(service: service, client: try await bus.client(to: service.endpoint), task: task)
    }
}
