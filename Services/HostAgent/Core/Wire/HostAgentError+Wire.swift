import DeltaLog
import Hypervisor
package import Messages
import Replica

extension RemoteError {
    /// What a caller is told about anything that went wrong here.
    package init(answering error: any Error) {
        switch error {
        case let error as RemoteError: self = error
        case let error as HostAgentError: self.init(error)
        case let error as HypervisorError: self.init(error)
        case let error as ReplicaError: self.init(error)
        case let error as DeltaLogError: self.init(error)
        default:
            // Whatever has no type of its own here is our fault.
            self.init(.internal, "The agent failed: \(error)", remedy: "See the agent's log.")
        }
    }

    /// The same of a transfer. Space is made by somebody and limits stay, so that trying again helps neither; only what
    /// the bulk server is short of comes back by itself.
    init(refusingTransfer error: any Error) {
        self.init(answering: error)
        if code == .resourceExhausted { retryable = false }
    }

    private init(_ error: HostAgentError) {
        let code: ErrorCode
        switch error.code {
        case .invalidArgument: code = .invalidArgument
        case .notFound: code = .notFound
        case .staleGeneration: code = .staleGeneration
        case .failedPrecondition: code = .failedPrecondition
        case .conflict: code = .conflict
        case .wrongParent: code = .wrongParent
        case .resourceExhausted: code = .resourceExhausted
        case .unavailable: code = .unavailable
        case .corruptData: code = .corruptData
        case .corruptState, .processFailed: code = .internal
        }
        var facts = error.facts
        if let cause = error.cause { facts["cause"] = "\(cause)" }
        self.init(code, error.message, remedy: error.remedy, facts: facts)
    }

    private init(_ error: HypervisorError) {
        var facts: [String: String] = [:]
        if !error.cause.isEmpty { facts["cause"] = error.cause }
        let code: ErrorCode
        switch error.code {
        case .unavailable, .operationFailed, .programFailed: code = .unavailable
        case .timedOut, .shutdownTimedOut: code = .deadlineExceeded
        case .guestExists: code = .alreadyExists
        case .hostUnfit: code = .failedPrecondition
        case .guestNotFound, .captureNotFound: code = .notFound
        case .scratchFull: code = .resourceExhausted
        case .invalidDefinition: code = .invalidArgument
        case .wrongPowerState, .captureLost: code = .failedPrecondition
        case .preflight(let rule):
            code = .failedPrecondition
            facts["rule"] = rule.rawValue
        case .needsCompare:
            code = .failedPrecondition
            facts["needs"] = "compare"
        case .needsFull:
            code = .failedPrecondition
            facts["needs"] = "full"
        }
        self.init(code, error.message, remedy: error.remedy, retryable: error.isRetryable, facts: facts)
    }

    private init(_ error: ReplicaError) {
        let code: ErrorCode
        switch error.code {
        case .invalidArgument: code = .invalidArgument
        case .notFound: code = .notFound
        case .alreadyExists: code = .alreadyExists
        case .locked, .inUse, .cycleNotOpen, .spoilt: code = .failedPrecondition
        case .staleGeneration: code = .staleGeneration
        case .wrongParent: code = .wrongParent
        case .spaceExhausted, .limitExceeded: code = .resourceExhausted
        case .corruptData: code = .corruptData
        case .system, .needsReopen: code = .unavailable
        }
        var facts = error.facts
        if let cause = error.cause { facts["cause"] = "\(cause)" }
        self.init(code, error.message, remedy: error.remedy, facts: facts)
    }

    private init(_ error: DeltaLogError) {
        let code: ErrorCode
        switch error.code {
        case .recordRefused: code = .corruptData
        case .attemptState, .overlap, .notConsecutive, .closed: code = .failedPrecondition
        case .limitExceeded, .noSpace: code = .resourceExhausted
        case .inputOutput: code = .unavailable
        case .corrupt, .wrongKey, .incomplete, .notADeltaLog, .unsupportedVersion: code = .corruptData
        }
        var facts = error.facts
        if let cause = error.cause { facts["cause"] = "\(cause)" }
        self.init(code, error.message, remedy: error.remedy, facts: facts)
    }
}
