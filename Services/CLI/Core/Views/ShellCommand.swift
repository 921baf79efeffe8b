import Foundation
import Synchronization

/// A command of the operator's, run by bash at the operator's own terminal.
struct ShellCommand {
    private let text: String
    private let environment: [String: String]

    init(_ text: String, environment: [String: String]) {
        self.text = text
        self.environment = environment
    }

    /// Waits until it ends; cancelling the task ends it with SIGTERM.
    ///
    /// - Throws: `OperatorError` with code `failed` when it ends with anything but 0, or cannot be started.
    func run() async throws {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/bash")
        process.arguments = ["-c", text]
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, own in own }
        let child = StartedChild(process)
        let status: Int32 = try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
                do { try child.start() } catch { continuation.resume(throwing: error) }
            }
        } onCancel: {
            child.terminate()
        }
        try Task.checkCancellation()
        guard status == 0 else {
            throw OperatorError(
                .failed, "the command ended with status \(status): \(text)", remedy: "run it by hand to see why")
        }
    }

    /// `Process` is not Sendable because its properties may be set at any time; here they are all set before it is
    /// shared, and starting and ending it are ordered by the lock.
    private final class StartedChild: @unchecked Sendable {  // because `process` is only used under `state`
        private enum State {
            case waiting
            case running
            case cancelled
        }

        private let process: Process
        private let state = Mutex(State.waiting)

        init(_ process: Process) { self.process = process }

        func start() throws {
            try state.withLock { state in
                guard state == .waiting else { throw CancellationError() }
                try process.run()
                state = .running
            }
        }

        func terminate() {
            state.withLock { state in
                if state == .running { process.terminate() }
                state = .cancelled
            }
        }
    }
}
