import Synchronization

@testable import HostAgent

/// Ends the agent after a step, as far as it can be ended inside the test's process: nothing that comes after happens.
final class CrashAt: Sendable {
    let step: StartedStep?
    private let state = Mutex(false)

    init(_ step: StartedStep?) { self.step = step }

    var happened: Bool { state.withLock { $0 } }

    /// Once; the agent that is started next goes on.
    var hook: StartedStepHook {
        { reached in
            let isNow = self.state.withLock { happened in
                guard !happened, reached == self.step else { return false }
                happened = true
                return true
            }
            if isNow { throw CancellationError() }
        }
    }
}
