internal import BlockDevice
internal import CLinuxFile
import Glibc
internal import Synchronization

/// A program that ends with us, however we end. Linux sends the signal that brings this about when the starting
/// *thread* ends (prctl(2), PR_SET_PDEATHSIG), so each process has a thread of its own that starts it and waits for its
/// end.
final class BoundProcess: Sendable {
    private enum Phase: Sendable {
        case starting
        case running(pid_t)
        /// Not started; holds `errno`.
        case refused(Int32)
        /// As `waitpid(2)` says it.
        case ended(status: Int32)
    }

    let command: [String]
    /// What it writes to standard output and to standard error, in files without names.
    private let output: OpenFile
    private let errors: OpenFile
    private let phase = Mutex(Phase.starting)
    /// Rises with every change of the phase.
    private let changes = WaitableCounter()

    /// - Parameters:
    ///   - command: the program, which PATH is searched for, and its arguments.
    ///   - socket: a listening socket that it finds as sd_listen_fds(3) has it; -1: none.
    /// - Throws: `ReplicaError` with code `system` when the program is not there or no process can be made.
    init(_ command: [String], socket: Int32 = -1) throws {
        self.command = command
        output = try OpenFile.unnamed()
        errors = try OpenFile.unnamed()
        DedicatedThread.start(name: "bascule-child") { [self] in run(socket: socket) }
        changes.wait(above: 0)
        if case .refused(let number) = phase.withLock({ $0 }) {
            throw ReplicaError(
                .system, "a program could not be started", remedy: "Install it; `bascule doctor` says how.",
                facts: ["program": command[0]], cause: SystemCallFailure("execve", path: command[0], number: number))
        }
    }

    /// What it has written to standard output; the first of it when that is much.
    func answer() throws -> String {
        try Self.text(output)
    }

    /// What it has complained of, for a person.
    var complaint: String {
        do { return try Self.text(errors) } catch { return "\(error)" }
    }

    private static func text(_ file: borrowing OpenFile) throws -> String {
        var bytes = [UInt8](repeating: 0, count: ReplicaLimits.toolOutputBytes)
        let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
        return String(decoding: bytes.prefix(count), as: UTF8.self).trimmed
    }

    var hasEnded: Bool {
        switch phase.withLock({ $0 }) {
        case .starting, .running: false
        case .refused, .ended: true
        }
    }

    func send(_ signal: Int32) {
        phase.withLock { phase in
            // Under the lock, because the number may be another's once the end was noticed.
            if case .running(let identifier) = phase { kill(identifier, signal) }
        }
    }

    /// Waits for its end.
    /// - Parameter limit: it is killed when it takes longer.
    /// - Returns: the exit status, 128 and the signal when one ended it.
    func waitUntilEnd(within limit: Duration? = nil) -> Int32 {
        if !changes.wait(above: 1, within: limit) {
            send(SIGKILL)
            changes.wait(above: 1)
        }
        guard case .ended(let status) = phase.withLock({ $0 }) else {
            preconditionFailure("a process that has ended has no status")
        }
        let signal = status & 0x7F
        return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
    }

    /// The thread's whole life. It keeps this object alive meanwhile.
    private func run(socket: Int32) {
        let environment = [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
        ]
        let identifier = withCStrings(command) { arguments in
            withCStrings(environment) {
                bascule_spawn_bound(arguments, $0, output.descriptor, errors.descriptor, socket)
            }
        }
        let number = errno
        guard identifier > 0 else { return change(to: .refused(number)) }
        change(to: .running(identifier))
        // Waits without taking the status, so that the number is not given to another while `send` may use it.
        var information = siginfo_t()
        _ = retryingInterrupts { waitid(P_PID, id_t(identifier), &information, WEXITED | WNOWAIT) }
        phase.withLock { phase in
            var status: Int32 = 0
            _ = retryingInterrupts { waitpid(identifier, &status, 0) }
            phase = .ended(status: status)
        }
        changes.increment()
    }

    private func change(to next: Phase) {
        phase.withLock { $0 = next }
        changes.increment()
    }
}

/// Calls `body` with a null-terminated array of C strings.
private func withCStrings<Result>(
    _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result
) -> Result {
    let copies = strings.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return body(copies.map { UnsafePointer($0) } + [nil])
}

extension String {
    fileprivate var trimmed: String {
        var text = self[...]
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}
