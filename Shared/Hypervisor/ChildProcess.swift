import BlockDevice
package import Glibc
import Synchronization

/// A program that was started, with its standard input and outputs as pipes.
///
/// Owned by whoever started it: `waitUntilEnd` must be called, because a child that nobody waits for stays in the
/// process table.
package struct ChildProcess: ~Copyable {
    package let identifier: pid_t
    private var input: Int32
    private let output: Int32

    /// One start at a time, because a pipe is made and marked close-on-exec in two steps: a child started in between
    /// would hold it open, and its other end would never see the end.
    private static let starting = Mutex(())

    /// - Parameters:
    ///   - arguments: without the program's own name.
    ///   - errors: what its standard error goes to; nil: to where its output goes.
    package init(
        _ program: String, _ arguments: [String], environment: [String: String] = [:], errors: Int32? = nil
    ) throws {
        self = try Self.starting.withLock { _ in try Self.start(program, arguments, environment, errors) }
    }

    /// Starts `script` in bash with `arguments` as `$0`, `$1`, ….
    ///
    /// A bash whose input is a socket, as ours is, takes itself for the shell of a remote login and reads the user's
    /// `.bashrc`, which may write, take its time, or end it; `--norc` forbids that (bash(1), "Invocation").
    static func shell(
        _ script: String, _ arguments: [String], environment: [String: String] = [:]
    ) throws -> ChildProcess {
        try ChildProcess("bash", ["--norc", "-c", script] + arguments, environment: environment)
    }

    private init(identifier: pid_t, input: Int32, output: Int32) {
        self.identifier = identifier
        self.input = input
        self.output = output
    }

    deinit {
        if input >= 0 { Glibc.close(input) }
        Glibc.close(output)
    }

    private static func start(
        _ program: String, _ arguments: [String], _ environment: [String: String], _ errors: Int32?
    ) throws -> ChildProcess {
        let toChild = try makeInput()
        let fromChild = try makePipe()
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, toChild.read, 0)
        posix_spawn_file_actions_adddup2(&actions, fromChild.write, 1)
        posix_spawn_file_actions_adddup2(&actions, errors ?? fromChild.write, 2)
        // A session of its own, so that a terminal's Ctrl-C ends us in order and not our children before us.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))

        let own = ["PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"]
        let variables = own.merging(environment) { $1 }.map { "\($0.key)=\($0.value)" }
        var identifier = pid_t()
        let result = withCStrings([program] + arguments) { argv in
            withCStrings(variables) { envp in
                posix_spawnp(&identifier, program, &actions, &attributes, argv, envp)
            }
        }
        Glibc.close(toChild.read)
        Glibc.close(fromChild.write)
        guard result == 0 else {
            Glibc.close(toChild.write)
            Glibc.close(fromChild.read)
            throw HypervisorError(
                .programFailed, "\(program) could not be started.", cause: String(cString: strerror(result)),
                remedy: "Install it; `bascule doctor` says how.")
        }
        return ChildProcess(identifier: identifier, input: toChild.write, output: fromChild.read)
    }

    /// Writes to the program's standard input. A program that no longer reads is no error here: its end tells more.
    ///
    /// - Returns: whether all of it was taken.
    @discardableResult
    package func write(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        // Short texts fit the socket's buffer at once. No signal, because a program that ended is not our end.
        return send(input, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
    }

    package mutating func closeInput() {
        if input >= 0 { Glibc.close(input) }
        input = -1
    }

    /// Reads what the program says until it ends, and kills it when the time is over, or when it has said `words`.
    /// Blocks.
    package consuming func waitUntilEnd(
        within limit: Duration, orUntilItSays words: String? = nil
    ) -> ProgramResult {
        closeInput()
        let deadline = ContinuousClock.now + limit
        var said: [UInt8] = []
        var isLate = false
        var hasSaid = false
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let left = deadline - .now
            if left <= .zero {
                isLate = true
                break
            }
            var descriptor = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            let ready = poll(&descriptor, 1, Int32(clamping: left.components.seconds * 1_000 + 1_000))
            guard ready > 0 else { continue }
            let count = read(output, &buffer, buffer.count)
            guard count > 0 else { break }
            if said.count < HypervisorLimits.programOutputBytes { said += buffer[0..<count] }
            guard let words else { continue }
            hasSaid = String(decoding: said, as: UTF8.self).contains(words)
            if hasSaid { break }
        }
        if isLate || hasSaid { kill(identifier, SIGKILL) }
        var status: Int32 = 0
        while waitpid(identifier, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7F
        return ProgramResult(
            exitCode: signal == 0 ? (status >> 8) & 0xFF : 128 + signal, isLate: isLate,
            output: String(decoding: said, as: UTF8.self))
    }

    /// A socket pair and not a pipe, because writing to it can be told to raise no SIGPIPE.
    private static func makeInput() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [0, 0]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0 else {
            throw HypervisorError(
                .programFailed, "No pipe could be made.", cause: String(cString: strerror(errno)))
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    private static func makePipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else {
            throw HypervisorError(
                .programFailed, "No pipe could be made.", cause: String(cString: strerror(errno)))
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }
}

/// Calls `body` with a null-terminated array of C strings.
private func withCStrings<T>(
    _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> T
) -> T {
    var pointers = strings.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    return body(pointers)
}
