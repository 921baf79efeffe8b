package import ArgumentParser
import Foundation
import Messages
import Replica

/// `bascule export GUEST --point P --socket S`, or `bascule export --replica DIR --point P --socket S`
package struct ExportCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Serve a recovery point as read-only NBD disks on a UNIX socket.",
        discussion: """
            The export names are the guest's disks (vda, sdb). It ends with Ctrl-C, or
            with the command of --run. The target host's agent serves it, on that host.
            With --replica no service is needed: the directory is enough, and the point is
            served by this command itself.

            --run gets $socket, $uri (of the first disk) and $uri_vda, $uri_sdb, … of
            each.

            EXAMPLES
              bascule export web1 --point latest --socket /tmp/web1.sock
              bascule export web1 --point 2026-11-23T03:44:00Z --run 'nbdcopy "$uri" w'
              bascule export --replica /srv/replicas/ID --point 17 --run 'nbdinfo "$uri"'
            """)

    @Argument(help: "Guest, or identifier of the protection; leave it out with --replica.")
    var guest: String?

    @Option(
        help: ArgumentHelp(
            "Which point: latest, application, verified, a cycle, an identifier, a time.", valueName: "point"))
    var point = "latest"

    @Option(help: ArgumentHelp("Where to listen; a fresh path when not given.", valueName: "path"))
    var socket: String?

    @Option(help: ArgumentHelp("Serve from this replica directory, without any service.", valueName: "folder"))
    var replica: String?

    @Option(help: ArgumentHelp("Shell command to run with the disks; the export ends with it.", valueName: "command"))
    var run: String?

    @OptionGroup package var common: CommonOptions

    package init() {}

    package func validate() throws {
        if (guest == nil) == (replica == nil) { throw ValidationError("Name a guest, or give --replica FOLDER.") }
        // The path of a UNIX socket has 108 bytes with its terminator, see unix(7).
        if let socket, socket.utf8.count > 107 { throw ValidationError("--socket takes a path of at most 107 bytes.") }
    }

    package func perform(in session: OperatorSession) async throws {
        let selector = try PointName(naming: point)
        if let replica {
            let server = try await ReplicaServer.start(
                directory: replica, selector: selector, socket: socket, binaries: session.settings[.binaries])
            try await finishing({ try await server.stop() }) { try await use(server.view, host: nil, in: session) }
        } else {
            let registry = try await session.vault().registry()
            let protection = try registry.protection(named: guest ?? "")
            let host = try registry.targetHost(of: protection)
            let agent = try await session.agent(of: host)
            let chosen = try selector.choose(from: try await agent.points(of: protection.id), of: protection.guest)
            let view = try await agent.openView(
                of: protection.id, cycle: chosen.cycle, socket: socket, keep: Self.keep)
            try await finishing({ try await agent.closeView(view.view) }) {
                try await keeping(view.view, at: agent) { try await use(view, host: host.name, in: session) }
            }
        }
    }

    /// Shows the disks, then runs the command, or waits for Ctrl-C.
    private func use(_ view: ViewRecord, host: String?, in session: OperatorSession) async throws {
        if session.json {
            session.console.print(try JSONDocument.text(view))
        } else if run == nil {
            let place = host.map { " on host \($0)" } ?? ""
            session.console.print("Point \(view.cycle) is served read-only\(place) until Ctrl-C:")
            var table = Table([.init("DISK"), .init("SIZE", .right), .init("URI", minimum: 20)])
            for export in view.exports {
                table.add([.init(export.target), .init(HumanUnits.bytes(export.sizeBytes)), .init(export.uri)])
            }
            session.console.print(table)
        }
        guard let run else { return try await waitForInterruption() }
        guard FileManager.default.fileExists(atPath: view.socket) else {
            throw OperatorError(
                .refused, "the socket \(view.socket) is on host \(host ?? "?"), not here",
                remedy: "run the same command there")
        }
        try await ShellCommand(run, environment: view.environment).run()
    }

    /// What the agent waits for before it ends the export of a command that was killed.
    private static let keep = Duration.seconds(20)
    /// Three tries may fail before the view ends.
    private static let keepInterval = Duration.seconds(5)

    /// Runs `body`, and keeps the view alive meanwhile.
    private func keeping(
        _ view: String, at agent: AgentClient, _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await body()
                return true
            }
            group.addTask {
                try await Self.keep(view, at: agent)
                return false
            }
            while let isBody = try await group.next() { if isBody { group.cancelAll() } }
        }
    }

    /// Until it is cancelled. Throws when the agent has ended the view, because then nothing is served any more.
    private static func keep(_ view: String, at agent: AgentClient) async throws {
        while true {
            do {
                try await Task.sleep(for: keepInterval)
                try await agent.keepView(view)
            } catch is CancellationError {
                return
            } catch let error as RemoteError where error.code == .notFound {
                throw OperatorError(
                    .failed, "the point is not served any more: \(error.message)", remedy: "export it again")
            } catch is RemoteError {
                // The agent is away or busy; the next try may still come in time.
                if Task.isCancelled { return }
            }
        }
    }

    /// Ctrl-C is the usual end of an export, so it is no failure here.
    private func waitForInterruption() async throws {
        do {
            while true { try await Task.sleep(for: .seconds(3_600)) }
        } catch is CancellationError {
            return
        }
    }

    /// Runs `body`, then `finish` whatever happened, also after Ctrl-C: in a task of its own, because a cancelled one
    /// could send nothing any more.
    private func finishing(
        _ finish: @escaping @Sendable () async throws -> Void, _ body: () async throws -> Void
    ) async throws {
        let result: Result<Void, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        try await Task { try await finish() }.value
        try result.get()
    }
}

extension ViewRecord {
    /// What `--run` finds in its environment.
    var environment: [String: String] {
        var variables = ["socket": socket, "uri": exports.first?.uri ?? ""]
        for export in exports { variables["uri_\(export.target)"] = export.uri }
        return variables
    }
}
