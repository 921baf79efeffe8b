import Logging
import MessageBus
import Messages
import Testing

@testable import ServiceRuntime

@Suite struct HealthProbeTests {
    /// A service that answers nothing but health requests.
    private func probe(_ level: HealthLevel, details: [String] = []) async throws -> HealthProbe {
        let bus = MessageBus(name: "health-test", logger: Logger(label: "test"))
        let server = try await bus.serve(at: "tcp://127.0.0.1:*") { _ in
            var reply = HealthReply()
            reply.service = "vault"
            reply.name = "main"
            reply.level = level
            reply.details = details
            return .healthReply(reply)
        }
        let probe = await HealthProbe.ask(at: server.endpoint)
        await bus.shutdown()
        return probe
    }

    @Test(arguments: [(HealthLevel.normal, true), (.warning, true), (.critical, false)])
    func whoAnswersIsWellUnlessItsStateIsCritical(level: HealthLevel, isWell: Bool) async throws {
        let probe = try await probe(level, details: ["the disk is full"])
        #expect(probe.isWell == isWell)
        #expect(probe.sentence.hasPrefix("vault main is "))
        #expect(probe.sentence.hasSuffix(": the disk is full"))
    }

    @Test func nobodyThereIsNotWellAndSaysWhereItAsked() async throws {
        // Bound and given back, so that nobody else listens there.
        let bus = MessageBus(name: "gone", logger: Logger(label: "test"))
        let gone = try await bus.serve(at: "tcp://127.0.0.1:*") { _ in .healthReply(HealthReply()) }.endpoint
        await bus.shutdown()
        let probe = await HealthProbe.ask(at: gone)
        #expect(!probe.isWell)
        #expect(probe.sentence.contains(gone))
    }

    @Test(arguments: [
        ("tcp://0.0.0.0:7701", "tcp://127.0.0.1:7701"), ("tcp://*:7701", "tcp://127.0.0.1:7701"),
        ("tcp://[::]:7701", "tcp://127.0.0.1:7701"), ("tcp://10.0.0.1:7701", "tcp://10.0.0.1:7701"),
        ("tcp://127.0.0.1:7701", "tcp://127.0.0.1:7701"),
    ])
    func everyAddressIsAskedAtLoopback(listen: String, asked: String) {
        #expect(HealthProbe.reachable(listen) == asked)
    }

    @Test func othersAreToldANameThatTheyCanConnectTo() {
        #expect(MachineName.advertised("tcp://0.0.0.0:7731") == "tcp://\(MachineName.current):7731")
        #expect(MachineName.advertised("tcp://127.0.0.1:7731") == "tcp://127.0.0.1:7731")
        #expect(!MachineName.current.isEmpty)
    }
}
