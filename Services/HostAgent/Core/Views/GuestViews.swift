import BlockDevice
import FoundationEssentials
import Glibc
package import Logging
import Replica
import ServiceRuntime

/// Serves the views that guests run from: nbdkit processes that outlive the agent, because a guest must not lose its
/// disks when the agent is started again.
///
/// ```
///   ensure ──► a process serves the socket? ──yes──► watched
///                  └──no──► started, waited for ──► watched ──► ended by itself: started again at the same socket
/// ```
///
/// A process is recognised by its command line: nbdkit serving exactly this socket. So it is found again by an agent
/// that knows no number of it, and two never serve one guest. QEMU's NBD client waits and reconnects meanwhile.
package actor GuestViews {
    package struct View: Sendable, Equatable {
        package var protection: String
        package var replica: String
        package var cycle: UInt64
        package var socket: String
    }

    private struct Entry {
        var view: View
        var process: GuestViewProcess
        /// Not started again before, when starting it failed.
        var retry: ContinuousClock.Instant?
    }

    private let plugin: String
    /// A directory that belongs to whoever QEMU runs as; the sockets get the same owner.
    private let ownedByEmulator: String
    private let logger: Logger
    private let starter = BlockingThreads(name: "guest views", threads: 2)
    private let clock = ContinuousClock()
    private let lock = KeyedLock()
    private var entries: [String: Entry] = [:]

    package init(plugin: String, ownedByEmulator: String, logger: Logger) {
        self.plugin = plugin
        self.ownedByEmulator = ownedByEmulator
        self.logger = logger
    }

    package var count: Int { entries.count }

    /// Returns when the point is served at the socket. Safe to repeat.
    package func ensure(_ view: View) async throws {
        try await lock.withLock(view.socket) {
            let socket = view.socket
            let found = try await starter.run { GuestViewProcess.find(socket: socket) }
            if let found, access(socket, F_OK) == 0 {
                entries[socket] = Entry(view: view, process: found)
                return
            }
            // It lives, and its socket was removed: nobody can reach it.
            if let found { await finish(found) }
            try await start(view)
        }
    }

    /// Ends the process and removes its socket. Ending what is not there is no error.
    package func end(socket: String) async {
        do {
            try await lock.withLock(socket) {
                entries[socket] = nil
                let found = try await starter.run { GuestViewProcess.find(socket: socket) }
                if let found { await finish(found) }
                remove(socket)
            }
        } catch {
            logger.warning("view of a guest not ended", metadata: ["socket": "\(socket)", "error": "\(error)"])
        }
    }

    /// Starts again what ended by itself. To be called now and then.
    package func tick() async {
        for (socket, entry) in entries where !entry.process.isAlive() {
            if let retry = entry.retry, clock.now < retry { continue }
            do {
                try await lock.withLock(socket) {
                    guard entries[socket]?.process.process == entry.process.process else { return }
                    logger.error(
                        "view of a guest ended by itself; starting it again",
                        metadata: ["protection": "\(entry.view.protection)", "cycle": "\(entry.view.cycle)"])
                    entries[socket]?.retry = clock.now + HostAgentLimits.guestViewRetryInterval
                    try await start(entry.view)
                }
            } catch {
                logger.error("view of a guest not started", metadata: ["socket": "\(socket)", "error": "\(error)"])
            }
        }
    }

    /// Guests whose disks are not served right now, by their protections.
    package func missing() -> [String] {
        entries.values.filter { !$0.process.isAlive() }.map(\.view.protection).sorted()
    }

    // MARK: Pieces

    private func start(_ view: View) async throws {
        guard !plugin.isEmpty else {
            throw HostAgentError(
                .failedPrecondition, "The agent does not know where its nbdkit plugin is.",
                remedy: "Set nbdkitPlugin in the agent's settings.")
        }
        guard view.socket.utf8.count <= HostAgentLimits.socketPathBytesMaximum else {
            throw HostAgentError(
                .failedPrecondition, "The path of the view's socket is too long.",
                remedy: "Set a shorter state directory.", facts: ["socket": view.socket])
        }
        remove(view.socket)
        do {
            let process = try await starter.run { [plugin] in try Self.serve(view, plugin) }
            try own(view.socket)
            entries[view.socket] = Entry(view: view, process: process)
        } catch {
            let socket = view.socket
            if let left = try await starter.run({ GuestViewProcess.find(socket: socket) }) { await finish(left) }
            remove(view.socket)
            throw error
        }
        logger.info(
            "view of a guest served", metadata: ["protection": "\(view.protection)", "cycle": "\(view.cycle)"])
    }

    /// Blocks until it serves, on the thread that starts it: see `ViewProcess`.
    private static func serve(_ view: View, _ plugin: String) throws -> GuestViewProcess {
        let directory = view.socket.prefix(upTo: view.socket.lastIndex(of: "/") ?? view.socket.startIndex)
        try FileManager.default.createDirectory(
            atPath: String(directory), withIntermediateDirectories: true, attributes: [.posixPermissions: 0o711])
        let serving = try ViewProcess(
            plugin: plugin, replicaDirectory: view.replica, cycle: view.cycle, socket: view.socket,
            lifetime: .outlivesStarter)
        let start = try ViewStart(serving, log: log(of: view.socket))
        if let failure = start.failure {
            start.process.forceEnd()
            _ = start.process.waitUntilEnd(within: HostAgentLimits.viewStopGrace)
            throw failure
        }
        return GuestViewProcess(process: start.process.process, startTicks: start.process.startTicks)
    }

    /// QEMU connects to the socket as whoever it runs as.
    private func own(_ socket: String) throws {
        var status = stat()
        guard geteuid() == 0, stat(ownedByEmulator, &status) == 0 else { return }
        guard chown(socket, status.st_uid, status.st_gid) == 0, chmod(socket, 0o660) == 0 else {
            throw HostAgentError(
                .unavailable, "The view's socket could not be given to QEMU's user.",
                facts: ["socket": socket, "because": String(cString: strerror(errno))])
        }
    }

    private func finish(_ process: GuestViewProcess) async {
        process.terminate()
        let deadline = clock.now + HostAgentLimits.viewStopGrace
        while process.isAlive() {
            if clock.now >= deadline || Task.isCancelled { process.forceEnd() }
            do {
                try await clock.sleep(for: HostAgentLimits.processPollInterval)
            } catch {
                // Cancelled: no time for grace.
                process.forceEnd()
                await Task.yield()
            }
        }
    }

    private func remove(_ socket: String) {
        for path in [socket, ViewProcess.readyFile(of: socket), Self.log(of: socket)] { unlink(path) }
    }

    private static func log(of socket: String) -> String { socket + ".log" }
}
