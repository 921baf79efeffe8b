/// How to start nbdkit so that it serves a recovery point on a UNIX socket, and how to reach its disks. The process is
/// the caller's to start, watch and end; `ViewPlugin` is what nbdkit loads.
///
/// Start it with an empty signal mask: threads of Swift's pool run with signals blocked, a child inherits that, and
/// nbdkit would then not heed SIGTERM. And start it from a thread that lives until it is ready: nbdkit 1.32 asks the kernel
/// for SIGTERM at the end of the thread that started it, and only the plugin, once it is loaded, takes that back.
package struct ViewProcess: Sendable, Hashable {
    /// What the process does when its starter ends.
    package enum Lifetime: Sendable, Hashable {
        /// For exports and verifications. Its standard input has to be the end of a `ViewLifeline` that is meant for it;
        /// it ends when the starter lets go of the lifeline, and with the starter's process at the latest.
        case endsWithStarter
        /// For guests, which must not lose their disks when a host agent is started again.
        case outlivesStarter
    }

    package static let executable = "nbdkit"
    package static let pluginFileName = "libbascule-view-plugin.so"
    /// `sockaddr_un` has 108 bytes, one of them for the end.
    package static let socketPathBytes = 107

    /// Path of the plugin, because nbdkit takes a path when it holds a slash.
    package var plugin: String
    package var replicaDirectory: String
    /// nil stands for the newest point.
    package var cycle: UInt64?
    package var socket: String
    package var lifetime: Lifetime

    /// - Throws: `ReplicaError` with code `invalidArgument` when the socket's path is too long or not absolute.
    package init(
        plugin: String, replicaDirectory: String, cycle: UInt64?, socket: String, lifetime: Lifetime
    ) throws {
        guard socket.hasPrefix("/"), socket.utf8.count <= Self.socketPathBytes else {
            throw ReplicaError(
                .invalidArgument, "the path of a socket must begin with a slash and be short",
                remedy: "Use at most \(Self.socketPathBytes) bytes, under /run or /tmp.", facts: ["socket": socket])
        }
        self.plugin = plugin.contains("/") ? plugin : "./" + plugin
        self.replicaDirectory = replicaDirectory
        self.cycle = cycle
        self.socket = socket
        self.lifetime = lifetime
    }

    /// Written by nbdkit, with its process number, when it accepts connections.
    package var readyFile: String { Self.readyFile(of: socket) }

    package static func readyFile(of socket: String) -> String { socket + ".pid" }

    /// Removes what a process that was killed left, which would keep the next one from listening at the same socket.
    /// - Precondition: no such process runs.
    package func removeLeftovers() throws {
        try DurableFiles.remove(readyFile)
        try DurableFiles.remove(socket)
    }

    /// Of `executable`. It stays in the foreground, so that the starter knows its process.
    package var arguments: [String] {
        var arguments = ["--foreground", "--readonly", "--unix", socket, "--pidfile", readyFile]
        arguments += [plugin, "replica=\(replicaDirectory)"]
        if let cycle { arguments.append("point=\(cycle)") }
        switch lifetime {
        case .endsWithStarter: arguments.append("lifeline=0")
        case .outlivesStarter: break
        }
        return arguments
    }

    /// Where a disk is served, for QEMU, libnbd and their tools.
    package func uri(disk target: String) -> String {
        "nbd+unix:///\(target)?socket=\(Self.escaped(socket))"
    }

    /// Everything but letters, digits, `-._~` and slashes as RFC 3986 has it.
    private static func escaped(_ path: String) -> String {
        path.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"), UInt8(ascii: "/"):
                String(UnicodeScalar(byte))
            default:
                "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }.joined()
    }
}
