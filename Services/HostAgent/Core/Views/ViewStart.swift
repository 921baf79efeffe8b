import Glibc
import Replica

/// Starts nbdkit for a view and waits, blocking, until it serves: the thread that starts it has to live until then, see
/// `ViewProcess`.
struct ViewStart {
    let process: SupervisedProcess
    /// Why it does not serve. The process is still to be ended and buried.
    let failure: HostAgentError?

    /// - Parameters:
    ///   - lifeline: of a view that ends with its starter.
    ///   - log: file that takes what nbdkit says.
    init(_ serving: ViewProcess, lifeline: ViewLifeline? = nil, log: String) throws {
        process = try SupervisedProcess.start(
            ViewProcess.executable, serving.arguments, input: lifeline?.input, errors: log)
        failure = Self.waitUntilServing(process, serving.readyFile, log: log)
    }

    private static func waitUntilServing(
        _ process: SupervisedProcess, _ readyFile: String, log: String
    ) -> HostAgentError? {
        let deadline = ContinuousClock.now + HostAgentLimits.viewStartDeadline
        while access(readyFile, F_OK) != 0 {
            let status = process.status()
            guard status == .running, ContinuousClock.now < deadline else {
                let said = String((SmallFile.text(at: log) ?? "").suffix(HostAgentLimits.processOutputShown))
                return HostAgentError(
                    .processFailed, "nbdkit does not serve the point.",
                    remedy: "See what it says; `bascule doctor` checks nbdkit and the plugin.",
                    facts: ["nbdkit": said, "status": "\(status)"])
            }
            usleep(HostAgentLimits.viewStartPollMicroseconds)
        }
        return nil
    }
}
