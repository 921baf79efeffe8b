import DocumentedKeys
import FoundationEssentials
import Hypervisor
import Logging
import MessageBus
import Messages
import ServiceRuntime
import Testing

@testable import HostAgent

/// `bascule-agent doctor`: the checks of a host whose agent does not run, and what it prints for machines.
@Suite struct HostExaminationTests {
    private static let nobody = "tcp://127.0.0.1:1"

    private func logger() -> Logger {
        var logger = Logger(label: "doctor")
        logger.logLevel = .critical
        return logger
    }

    private func settings(_ directory: String) -> HostAgentSettings {
        HostAgentSettings(
            name: "alpha", site: "berlin", cloud: "gold", state: "\(directory)/state", listen: "tcp://127.0.0.1:*",
            bulkListen: "tcp://127.0.0.1:*", vault: Self.nobody, replicas: "\(directory)/replicas")
    }

    private func examine(_ settings: HostAgentSettings) async throws -> [String: HostExamination.Check] {
        let checks = await HostExamination.examine(
            settings: settings, hypervisor: InMemoryHypervisor(), logger: logger())
        for check in checks {
            #expect(check.host == "alpha" && !check.detail.isEmpty)
            #expect(check.passed == check.remedy.isEmpty, "\(check.name): what failed says how to mend it")
        }
        let document = try MachineDocument.text(["checks": checks])
        let documented = try DocumentedKeys().commands
        #expect(try DocumentedKeys.keys(of: document) == documented["bascule-agent doctor"])
        return Dictionary(uniqueKeysWithValues: checks.map { ($0.name, $0) })
    }

    @Test func aHostIsExaminedWithoutAgentAndVault() async throws {
        try await withTemporaryDirectory { directory in
            let checks = try await examine(settings(directory))
            for name in ["agent", "database", "listen", "bulkListen", "hypervisor", "state directory"] {
                #expect(checks[name]?.passed == true, "\(name): \(String(describing: checks[name]))")
            }
            #expect(checks["agent"]?.detail.contains("does not run") == true)
            #expect(checks["vault"]?.passed == false)
            // It is as a start makes it, so that QEMU's user may pass, and nothing but the database is in it.
            for folder in ["state", "replicas"] {
                let mode = try FileManager.default.attributesOfItem(atPath: "\(directory)/\(folder)")[.posixPermissions]
                #expect(mode as? Int == 0o711)
            }
        }
    }

    @Test func anEndpointThatSomebodyHasIsTold() async throws {
        try await withTemporaryDirectory { directory in
            let bus = MessageBus(name: "somebody", logger: logger())
            let server = try await bus.serve(at: "tcp://127.0.0.1:*") { _ in
                throw RemoteError(.unimplemented, "", remedy: "")
            }
            var taken = settings(directory)
            taken.listen = server.endpoint
            let checks = try await examine(taken)
            #expect(checks["listen"]?.passed == false && checks["bulkListen"]?.passed == true)
            await bus.shutdown()
        }
    }

    @Test func aDamagedDatabaseIsToldWithTheWayBack() async throws {
        try await withTemporaryDirectory { directory in
            let settings = settings(directory)
            try HostAgentService.prepareDirectories(settings)
            try Data(repeating: 7, count: 4_096).write(to: URL(filePath: settings.databasePath))
            let checks = try await examine(settings)
            #expect(checks["database"]?.passed == false)
            #expect(checks["database"]?.detail.contains(settings.databasePath) == true)
            #expect(checks["database"]?.remedy.contains("bascule-agent identity alpha --config FILE") == true)
        }
    }

    @Test func aDirectoryThatCannotBeMadeIsTold() async throws {
        var settings = settings("/proc/nowhere")
        settings.nbdkitPlugin = "/proc/nowhere/plugin"
        let checks = try await examine(settings)
        #expect(checks["agent"]?.passed == false && checks["state directory"]?.passed == false)
    }

    @Test func anAgentThatRunsIsLeftAlone() async throws {
        try await withAgentSite { site in
            try await site.withAgent(change: { $0.name = "alpha" }) { agent in
                var settings = site.settings
                settings.name = "alpha"
                let checks = try await examine(settings)
                #expect(checks["agent"]?.detail.hasPrefix("runs, with") == true)
                #expect(checks["listen"] == nil && checks["database"] == nil)
                #expect(try await agent.client.health(deadline: .seconds(60)).service == "agent")
            }
        }
    }

    // MARK: recover --json

    @Test func whatRecoverAnswersHasTheDocumentedKeys() throws {
        let documented = try DocumentedKeys().commands
        let replica = ReplicaRecovery.Replica(
            protection: "p", guest: "u", guestName: "web1", generation: 1, newestCycle: 2, newestUnixMilliseconds: 3,
            points: 2, verifiedCycle: 1, verificationFault: "", isAdopted: false, runningCycle: 2)
        let list = try MachineDocument.text(ReplicaRecovery.List(replicas: [replica]))
        #expect(try DocumentedKeys.keys(of: list) == documented["recover list"])
        #expect(list.contains(#""guest":"web1","guestUUID":"u""#))
        let verified = try MachineDocument.text(ReplicaRecovery.Verified(checkedBytes: 1, faults: [], faultCount: 0))
        #expect(try DocumentedKeys.keys(of: verified) == documented["recover verify"])
        let started = try MachineDocument.text(
            ReplicaRecovery.Started(guestName: "web1", cycle: 2, generation: 3, milliseconds: 4, warnings: []))
        #expect(try DocumentedKeys.keys(of: started) == documented["recover start"])
        let stopped = try MachineDocument.text(ReplicaRecovery.Stopped(guestName: "web1", cycle: 2, generation: 3))
        #expect(try DocumentedKeys.keys(of: stopped) == documented["recover stop"])
        let setAside = try MachineDocument.text(
            DamagedLogs.Outcome(
                protection: "p", guestName: "web1", checkedBytes: 1, faults: [], faultCount: 0, setAside: [], points: 2,
                newestCycle: 3))
        #expect(try DocumentedKeys.keys(of: setAside) == documented["recover set-aside"])
    }

    @Test func aFailureIsTheSameDocumentAsThatOfTheCommandLine() throws {
        let error = RemoteError(.notFound, "This host holds no replica web9.", remedy: "See `recover list`.")
        #expect(
            try MachineDocument.text(FailureDocument(error, exitStatus: 3))
                == #"{"error":{"code":"NOT_FOUND","facts":{},"message":"This host holds no replica web9.","#
                + #""remedy":"See `recover list`."},"exitStatus":3}"#)
    }
}
