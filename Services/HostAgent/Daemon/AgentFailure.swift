import ArgumentParser
import Glibc
import HostAgent
import Messages
import ServiceRuntime

/// How a command of the agent ends that did not do what it was asked for: it is told on standard error, and the exit
/// status is that of `bascule` for the same.
enum AgentFailure {
    static func end(_ error: RemoteError, json: Bool) -> any Error {
        let code = exitCode(of: error)
        do {
            let document = FailureDocument(error, exitStatus: code.rawValue)
            write(json ? try MachineDocument.text(document) : "\(error.message) \(error.remedy)")
        } catch {
            write("\(error)")
        }
        return code
    }

    static func exitCode(of error: RemoteError) -> ExitCode {
        switch error.code {
        case .notFound: ExitCode(3)
        case .invalidArgument, .alreadyExists, .conflict, .staleGeneration, .wrongParent, .failedPrecondition,
            .resourceExhausted, .leaseLost:
            ExitCode(4)
        case .unavailable, .deadlineExceeded: ExitCode(5)
        case .corruptData: ExitCode(6)
        case .unspecified, .unsupportedVersion, .unimplemented, .internal, .UNRECOGNIZED: ExitCode(1)
        }
    }

    /// When standard error is gone, nobody is left to tell.
    private static func write(_ line: String) {
        _ = Array("\(line)\n".utf8).withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
