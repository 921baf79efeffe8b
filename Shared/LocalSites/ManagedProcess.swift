import Foundation
internal import Synchronization

/// One child process with its log file: started, signalled and waited for by its identifier only.
///
/// Nothing here looks processes up by name, because a name may belong to somebody else.
package final class ManagedProcess: Sendable {
    package let name: String
    package let processIdentifier: Int32
    /// Where standard output and standard error go.
    package let logPath: String
    private let exit = Mutex<Int32?>(nil)

    /// Starts `executable` with `arguments`; its output is appended to `logPath`.
    ///
    /// - Parameter input: descriptor for its standard input; nil: nothing to read.
    /// - Throws: `LocalSitesError` with code `missing` or `cannotStart`.
    package init(
        name: String, executable: String, arguments: [String], environment: [String: String] = [:],
        input: Int32? = nil, logPath: String
    ) throws {
        guard access(executable, X_OK) == 0 else {
            throw LocalSitesError(
                .missing, "\(executable) cannot be executed", remedy: "build it first: swift build")
        }
        self.name = name
        self.logPath = logPath

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_addopen(&actions, 1, logPath, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A group of its own, because Ctrl-C at the terminal must reach us alone: we stop the others in order.
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        posix_spawnattr_setpgroup(&attributes, 0)

        // Settings in our own environment are meant for another installation, and would win over the process's file.
        var merged = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("BASCULE_") }
        // A crash without a terminal may otherwise leave the backtracer hanging, and with it whoever waits.
        merged["SWIFT_BACKTRACE"] = "enable=no"
        merged.merge(environment) { _, new in new }
        let argumentPointers = ([executable] + arguments).map { strdup($0) } + [nil]
        let environmentPointers = merged.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argumentPointers + environmentPointers { free(pointer) } }
        var identifier: pid_t = 0
        let status = posix_spawn(
            &identifier, executable, &actions, &attributes, argumentPointers, environmentPointers)
        guard status == 0 else {
            throw LocalSitesError(
                .cannotStart, "\(name) could not be started: \(String(cString: strerror(status)))",
                remedy: "see that \(executable) runs by itself")
        }
        processIdentifier = identifier
    }

    /// The wait status once the process has ended, nil while it runs.
    package var exitStatus: Int32? {
        exit.withLock { known in
            if known == nil {
                var status: Int32 = 0
                if waitpid(processIdentifier, &status, WNOHANG) == processIdentifier { known = status }
            }
            return known
        }
    }

    package var isRunning: Bool { exitStatus == nil }

    /// Sends a signal, unless the process has ended: its identifier could be somebody else's by then.
    package func signal(_ number: Int32) {
        exit.withLock { known in
            guard known == nil else { return }
            var status: Int32 = 0
            if waitpid(processIdentifier, &status, WNOHANG) == processIdentifier {
                known = status
            } else {
                kill(processIdentifier, number)
            }
        }
    }

    /// Waits until it has ended; false when it still runs after `limit`.
    package func waitForExit(within limit: Duration) async -> Bool {
        let deadline = ContinuousClock.now + limit
        while isRunning {
            if ContinuousClock.now >= deadline || Task.isCancelled { return !isRunning }
            do { try await Task.sleep(for: .milliseconds(10)) } catch { return !isRunning }
        }
        return true
    }

    /// SIGTERM, and SIGKILL when it has not ended after `limit`. True when it ended by itself.
    @discardableResult
    package func stop(within limit: Duration = .seconds(10)) async -> Bool {
        signal(SIGTERM)
        if await waitForExit(within: limit) { return true }
        signal(SIGKILL)
        _ = await waitForExit(within: .seconds(5))
        return false
    }

    /// Ends it as a crash would.
    package func crash() async {
        signal(SIGKILL)
        _ = await waitForExit(within: .seconds(5))
    }
}
