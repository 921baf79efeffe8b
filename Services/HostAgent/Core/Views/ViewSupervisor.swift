import BlockDevice
import FoundationEssentials
import Glibc
package import Logging
import Replica
import ServiceRuntime

/// Serves recovery points: one nbdkit process per view, on a UNIX socket, ended with the agent or when asked.
///
/// Each process hangs on a lifeline of the agent, so that it ends with a killed one too. It is also written down before
/// its view is answered, so that the next start of the agent removes its socket, and ends a process that hangs.
package actor ViewSupervisor {
    package struct View: Sendable, Equatable {
        package var identifier: String
        package var protection: String
        package var cycle: UInt64
        package var socket: String
    }

    private struct Entry {
        var view: View
        var process: SupervisedProcess
        /// Let go of with the entry.
        var lifeline: ViewLifeline
        var keep: Duration?
        /// Nil: until it is closed.
        var ends: ContinuousClock.Instant?
    }

    private let store: AgentStore
    private let directory: String
    private let plugin: String
    private let logger: Logger
    private let starter = BlockingThreads(name: "views", threads: HostAgentLimits.viewStartThreads)
    private let clock = ContinuousClock()
    private var entries: [String: Entry] = [:]
    /// Views that are being started count too.
    private var starting = 0

    package init(store: AgentStore, directory: String, plugin: String, logger: Logger) {
        self.store = store
        self.directory = directory
        self.plugin = plugin
        self.logger = logger
    }

    /// Ends what an earlier run left behind. To be called before the first view.
    package func recover() async throws {
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o711])
        for record in try await store.processes() {
            if SupervisedProcess.endLeftover(process: record.process, startTicks: record.startTicks) {
                logger.notice("leftover view ended", metadata: ["process": "\(record.process)"])
            }
            for path in [record.socket, ViewProcess.readyFile(of: record.socket)] { unlink(path) }
            try await store.remove(process: record.process)
        }
        for name in try FileManager.default.contentsOfDirectory(atPath: directory) { unlink("\(directory)/\(name)") }
    }

    package var count: Int { entries.count }

    /// - Parameters:
    ///   - socket: empty: chosen here.
    ///   - keep: how long it stays open without `keep(_:)`; nil: until it is closed.
    package func open(
        protection: String, replica: String, cycle: UInt64, socket: String, keep: Duration? = nil
    ) async throws -> View {
        guard entries.count + starting < HostAgentLimits.viewsMaximum else {
            throw HostAgentError(
                .resourceExhausted, "As many views are open as are allowed.", remedy: "Close one that is not needed.",
                facts: ["views": "\(entries.count)"])
        }
        guard !plugin.isEmpty else {
            throw HostAgentError(
                .failedPrecondition, "The agent does not know where its nbdkit plugin is.",
                remedy: "Set nbdkitPlugin in the agent's settings.")
        }
        let identifier = UUID().uuidString.lowercased()
        let path = socket.isEmpty ? "\(directory)/\(identifier.prefix(8)).sock" : socket
        try checkSocket(path)
        starting += 1
        defer { starting -= 1 }
        let log = "\(directory)/\(identifier).log"
        let serving = try ViewProcess(
            plugin: plugin, replicaDirectory: replica, cycle: cycle, socket: path, lifetime: .endsWithStarter)
        let lifeline = try ViewLifeline()
        let start = try await starter.run { try ViewStart(serving, lifeline: lifeline, log: log) }
        let process = start.process
        let view = View(identifier: identifier, protection: protection, cycle: cycle, socket: path)
        let entry = Entry(
            view: view, process: process, lifeline: lifeline, keep: keep, ends: keep.map { clock.now + $0 })
        do {
            if let failure = start.failure { throw failure }
            try await store.enter(
                AgentStore.ProcessRecord(process: process.process, startTicks: process.startTicks, socket: path))
        } catch {
            await end(entry)
            throw error
        }
        entries[identifier] = entry
        logger.info("view opened", metadata: ["view": "\(identifier)", "cycle": "\(cycle)", "socket": "\(path)"])
        return view
    }

    /// Renews the time that the view was opened with.
    package func keep(_ identifier: String) throws {
        guard let keep = entries[identifier].map({ $0.keep }) else {
            throw HostAgentError(
                .notFound, "The view is not open any more.", remedy: "Open the point again.",
                facts: ["view": identifier])
        }
        entries[identifier]?.ends = keep.map { clock.now + $0 }
    }

    /// Closing what is not open is no error: closing may come twice.
    package func close(_ identifier: String) async {
        guard let entry = entries.removeValue(forKey: identifier) else { return }
        await end(entry)
        logger.info("view closed", metadata: ["view": "\(identifier)"])
    }

    package func close(of protection: String) async {
        for entry in entries.values where entry.view.protection == protection { await close(entry.view.identifier) }
    }

    /// Ends views that nobody kept alive, and buries processes that ended by themselves. To be called now and then.
    package func tick() async {
        for (identifier, entry) in entries {
            // A view may have been closed, or kept, while another was being ended.
            if let ends = entries[identifier]?.ends, ends <= clock.now {
                logger.warning("view expired: nobody kept it alive", metadata: ["view": "\(identifier)"])
                await close(identifier)
                continue
            }
            guard entries[identifier] != nil else { continue }
            let status = entry.process.status()
            guard status != .running else { continue }
            entries[identifier] = nil
            logger.warning("view ended by itself", metadata: ["view": "\(identifier)", "status": "\(status)"])
            await clear(entry)
        }
    }

    package func stop() async {
        for identifier in entries.keys { await close(identifier) }

    }

    // MARK: Pieces

    private func checkSocket(_ path: String) throws {
        guard path.hasPrefix("/"), path.utf8.count <= HostAgentLimits.socketPathBytesMaximum else {
            throw HostAgentError(
                .invalidArgument,
                "The socket has to be an absolute path of at most \(HostAgentLimits.socketPathBytesMaximum) bytes.",
                facts: ["socket": path])
        }
        guard access(path, F_OK) != 0 else {
            throw HostAgentError(
                .conflict, "There is something at the socket's path already.",
                remedy: "Name another path, or remove what is there.", facts: ["socket": path])
        }
    }

    private func end(_ entry: Entry) async {
        entry.process.terminate()
        let deadline = clock.now + HostAgentLimits.viewStopGrace
        while entry.process.status() == .running {
            if clock.now >= deadline { entry.process.forceEnd() }
            do {
                try await clock.sleep(for: HostAgentLimits.processPollInterval)
            } catch {
                // Cancelled: no time for grace.
                entry.process.forceEnd()
                await Task.yield()
            }
        }
        await clear(entry)
    }

    private func clear(_ entry: Entry) async {
        for path in [
            entry.view.socket, ViewProcess.readyFile(of: entry.view.socket),
            "\(directory)/\(entry.view.identifier).log",
        ] { unlink(path) }
        do {
            try await store.remove(process: entry.process.process)
        } catch {
            // It is recognised by its start time at the next start of the agent.
            logger.warning("view process not crossed out", metadata: ["error": "\(error)"])
        }
    }
}
