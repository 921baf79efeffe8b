import FoundationEssentials
import Glibc

/// An nbdkit process that serves a guest's view. It is a child of the agent that started it, and outlives that.
struct GuestViewProcess: Sendable, Equatable {
    let process: Int32
    let startTicks: UInt64

    /// Looks through the system's processes. Blocks for some milliseconds.
    static func find(socket: String) -> GuestViewProcess? {
        var found: GuestViewProcess?
        guard let directory = opendir("/proc") else { return nil }
        defer { closedir(directory) }
        while found == nil, let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let process = Int32(name), serves(process, socket) else { continue }
            found = SupervisedProcess.startTicks(of: process).map { GuestViewProcess(process: process, startTicks: $0) }
        }
        return found
    }

    /// A process that ended and was not buried has an empty command line, and so serves nothing.
    private static func serves(_ process: Int32, _ socket: String) -> Bool {
        guard let line = SmallFile.text(at: "/proc/\(process)/cmdline") else { return false }
        let arguments = line.split(separator: "\0", omittingEmptySubsequences: false)
        guard let program = arguments.first, program == "nbdkit" || program.hasSuffix("/nbdkit"),
            let option = arguments.firstIndex(of: "--unix"), option + 1 < arguments.endIndex
        else { return false }
        return arguments[option + 1] == socket
    }

    /// One that has ended is buried, when it was this agent's child.
    func isAlive() -> Bool {
        // Asked first, because the number may belong to another child by now, whose end is not to be taken.
        guard SupervisedProcess.startTicks(of: process) == startTicks else { return false }
        var status: Int32 = 0
        guard waitpid(process, &status, WNOHANG) != process else { return false }
        return SupervisedProcess.isAlive(process: process, startTicks: startTicks)
    }

    func terminate() { kill(process, SIGTERM) }
    func forceEnd() { kill(process, SIGKILL) }
}
