import Foundation
import MessageBus
import Messages
import Synchronization
import Testing

@testable import OperatorCLI

/// An export ends with its view closed, whatever happened in between.
@Suite struct ExportTests {
    private struct Seen {
        var endpoint = ""
        var opened: [OpenView] = []
        var closed: [String] = []
    }

    /// Runs `bascule export web1 …` against an agent that holds points 3 and 4 and serves them at `socket`.
    private func export(
        _ arguments: [String], socket: String, console: RecordingConsole = RecordingConsole()
    ) async throws -> (status: CommandStatus, opened: [OpenView], closed: [String]) {
        let seen = Mutex(Seen())
        let status = Mutex(CommandStatus.failed)
        try await ScriptedServices.run(
            vault: { _ in .snapshot(WireSamples.snapshot(agent: seen.withLock { $0.endpoint })) },
            agent: { request in
                switch request {
                case .listPoints:
                    var list = PointList()
                    list.points = [WireSamples.point(3), WireSamples.point(4)]
                    return .points(list)
                case .openView(let asked):
                    seen.withLock { $0.opened.append(asked) }
                    var view = ViewOpened()
                    view.view = "view-1"
                    view.socket = socket
                    view.cycle = asked.cycle
                    view.disks = WireSamples.guest("web1", uuid: "").disks
                    return .viewOpened(view)
                case .closeView(let asked):
                    seen.withLock { $0.closed.append(asked.view) }
                    return .done(AgentDone())
                default: throw ScriptedServices.unexpected
                }
            }
        ) { services in
            seen.withLock { $0.endpoint = services.agent.endpoint }
            let result = await BasculeTool.run(
                ["export", "web1"] + arguments, console: console,
                environment: ["BASCULE_VAULT": services.vault.endpoint])
            status.withLock { $0 = result }
        }
        return seen.withLock { seen in (status.withLock { $0 }, seen.opened, seen.closed) }
    }

    /// A file where the socket would be: the export only looks whether it is on this machine.
    private func withSocket(_ body: (String) async throws -> Void) async throws {
        let path = "/tmp/bsc-\(UInt32.random(in: 0 ... .max)).sock"
        try "".write(toFile: path, atomically: true, encoding: .utf8)
        let result: Result<Void, any Error>
        do { result = .success(try await body(path)) } catch { result = .failure(error) }
        try FileManager.default.removeItem(atPath: path)
        try result.get()
    }

    @Test func theCommandGetsTheDisksAndTheViewIsClosedAfterIt() async throws {
        try await withSocket { socket in
            let check = "test \"$uri\" = \"nbd+unix:///vda?socket=\(socket)\" && test \"$uri_vda\" = \"$uri\""
            let end = try await export(["--point", "3", "--run", check], socket: socket)
            #expect(end.status == .ok)
            #expect(end.opened.map(\.cycle) == [3])
            #expect(end.closed == ["view-1"])
        }
    }

    @Test func aCommandThatFailsFailsTheExportAndTheViewIsStillClosed() async throws {
        try await withSocket { socket in
            let console = RecordingConsole()
            let end = try await export(["--run", "exit 7"], socket: socket, console: console)
            #expect(end.status == .failed)
            #expect(end.opened.map(\.cycle) == [4])
            #expect(end.closed == ["view-1"])
            #expect(console.said.errors.first == "bascule: the command ended with status 7: exit 7.")
        }
    }

    @Test func aSocketOnAnotherHostIsSaidAndTheViewIsStillClosed() async throws {
        let end = try await export(["--run", "true"], socket: "/tmp/bsc-not-on-this-machine")
        #expect(end.status == .refused)
        #expect(end.closed == ["view-1"])
    }

    @Test func aPointThatIsNotThereOpensNothing() async throws {
        let end = try await export(["--point", "9", "--run", "true"], socket: "/tmp/none")
        #expect(end.status == .notFound)
        #expect(end.opened.isEmpty)
    }

    @Test func aFolderWithoutAReplicaIsNotFound() async {
        let console = RecordingConsole()
        let status = await BasculeTool.run(
            ["points", "--replica", "/tmp/bsc-no-such-replica"], console: console, environment: [:])
        #expect(status == .notFound)
    }
}
