import FoundationEssentials
import Glibc
import Replica
import Testing

/// nbdkit with our plugin, and the stock tools that read from it.
enum NbdkitTools {
    /// Beside the test's executable, where the package's products are built.
    static let plugin: String = {
        let executable = CommandLine.arguments.first ?? ""
        let built = executable.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        let fromTests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/../../.build/debug"
        let candidates = [built, fromTests].map { $0 + "/" + ViewProcess.pluginFileName }
        return candidates.first { FileManager.default.fileExists(atPath: $0) } ?? candidates[0]
    }()

    /// What is missing; said once, loudly, because a skipped test proves nothing.
    static let missing: [String] = {
        let tools = ["nbdkit", "nbdinfo", "nbdcopy", "qemu-img"]
        var missing = tools.filter { access("/usr/bin/" + $0, X_OK) != 0 }
        if !FileManager.default.fileExists(atPath: plugin) { missing.append(plugin) }
        if !missing.isEmpty {
            print("SKIPPED: views are not tested through nbdkit, because these are missing: \(missing)")
        }
        return missing
    }()

    struct Failure: Error {
        var command: [String]
        var status: Int32
        var output: String
    }

    /// Runs a tool to its end.
    /// - Returns: what it wrote to standard output and standard error.
    static func run(_ command: [String]) throws -> String {
        let output = ReplicaFixture.uniqueParent() + ".out"
        defer { unlink(output) }
        let process = try spawn(command, output: output)
        let status = wait(process)
        let text = try String(contentsOfFile: output, encoding: .utf8)
        guard status == 0 else { throw Failure(command: command, status: status, output: text) }
        return text
    }

    static func spawn(_ command: [String], input: Int32? = nil, output: String) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input { posix_spawn_file_actions_adddup2(&actions, input, 0) }
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        // Threads of the pool run with signals blocked, and children inherit that.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var arguments = command.map { strdup($0) }
        defer { for argument in arguments { free(argument) } }
        arguments.append(nil)
        var process: pid_t = 0
        let result = posix_spawnp(&process, command[0], &actions, &attributes, arguments, environ)
        guard result == 0 else { throw Failure(command: command, status: result, output: "not started") }
        return process
    }

    static func wait(_ process: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(process, &status, 0) == -1, errno == EINTR {}
        return status
    }
}

/// A running nbdkit. It ends with its owner.
final class RunningView {
    let process: ViewProcess
    private let identifier: pid_t
    private let output: String

    /// Returns when nbdkit accepts connections.
    init(_ process: ViewProcess) throws {
        self.process = process
        output = process.socket + ".log"
        identifier = try NbdkitTools.spawn([ViewProcess.executable] + process.arguments, output: output)
        let deadline = ContinuousClock.now + .seconds(20)
        while access(process.readyFile, F_OK) != 0 {
            guard ContinuousClock.now < deadline, waitpid(identifier, nil, WNOHANG) == 0 else {
                let text = try String(contentsOfFile: output, encoding: .utf8)
                throw NbdkitTools.Failure(command: process.arguments, status: -1, output: text)
            }
            poll(nil, 0, 10)
        }
    }

    func end() {
        kill(identifier, SIGTERM)
        #expect(NbdkitTools.wait(identifier) == 0)
        for path in [output, process.socket, process.readyFile] { unlink(path) }
    }
}
