import Glibc

/// A process of ours that runs until it is told to end. Starting one blocks; call that from the agent's own threads.
struct SupervisedProcess: Sendable {
    /// What waiting for a process may find.
    enum Status: Sendable, Equatable {
        case running
        case ended(code: Int32)
        case killed(signal: Int32)
    }

    let process: Int32
    /// Clock ticks since the machine started; with the number it names this process and no later one.
    let startTicks: UInt64

    /// - Parameters:
    ///   - input: descriptor for its input stream; nil: nothing to read.
    ///   - errors: file that takes what the process writes to its output and error streams.
    static func start(
        _ program: String, _ arguments: [String], input: Int32? = nil, errors: String
    ) throws -> SupervisedProcess {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_addopen(&actions, 1, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Its own group, so that an interrupt typed at a terminal ends the agent, which then ends this in order.
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK))
        posix_spawnattr_setpgroup(&attributes, 0)
        // Threads of Swift's pool block signals, a thread that they start does so too, and a child would not heed SIGTERM.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        var vector: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) } + [nil]
        defer { for argument in vector { free(argument) } }
        var process: pid_t = 0
        let result = posix_spawnp(&process, program, &actions, &attributes, &vector, environ)
        guard result == 0 else {
            throw HostAgentError(
                .processFailed, "\(program) could not be started: \(String(cString: strerror(result))).",
                remedy: "Check that \(program) is installed; `bascule doctor` names the package.",
                facts: ["program": program])
        }
        return SupervisedProcess(process: process, startTicks: startTicks(of: process) ?? 0)
    }

    /// Looks once, and buries the process when it has ended.
    func status() -> Status {
        var status: Int32 = 0
        let result = waitpid(process, &status, WNOHANG)
        guard result == process else {
            // ECHILD: it was buried before.
            return result == 0 ? .running : .ended(code: 0)
        }
        let signal = status & 0x7f
        return signal == 0 ? .ended(code: (status >> 8) & 0xff) : .killed(signal: signal)
    }

    func terminate() { kill(process, SIGTERM) }
    func forceEnd() { kill(process, SIGKILL) }

    /// Whether a process that is not our child runs: one that ended and was not buried by its parent does not.
    static func isAlive(process: Int32, startTicks: UInt64) -> Bool {
        guard let text = SmallFile.text(at: "/proc/\(process)/stat"), let name = text.lastIndex(of: ")") else {
            return false
        }
        let fields = text[text.index(after: name)...].split(separator: " ")
        return fields.count > 19 && UInt64(fields[19]) == startTicks && fields[0] != "Z" && fields[0] != "X"
    }

    /// Field 22 of /proc/<process>/stat; nil when there is no such process. See proc_pid_stat(5).
    static func startTicks(of process: Int32) -> UInt64? {
        guard let text = SmallFile.text(at: "/proc/\(process)/stat"), let name = text.lastIndex(of: ")") else {
            return nil
        }
        let fields = text[text.index(after: name)...].split(separator: " ")
        // The first field after the name is the third.
        return fields.count > 19 ? UInt64(fields[19]) : nil
    }

    /// Ends a process of an earlier run, unless its number now belongs to another.
    static func endLeftover(process: Int32, startTicks: UInt64) -> Bool {
        guard let ticks = Self.startTicks(of: process), ticks == startTicks else { return false }
        return kill(process, SIGKILL) == 0
    }
}
