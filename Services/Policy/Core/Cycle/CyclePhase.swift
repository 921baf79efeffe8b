/// An open cycle as its state machine carries it from phase to phase.
struct CycleInFlight: Hashable, Sendable {
    /// Keeping the capture alive while it is needed.
    enum KeepAlive: Hashable, Sendable {
        /// There is no capture to keep, or no longer a reason.
        case off
        case due(at: PolicyTime)
        case asked(CallNumber, next: PolicyTime)
    }

    var record: CycleRecord
    var keepAlive: KeepAlive = .off
    /// Why the capture's consistency is not what was asked for.
    var consistencyNote = ""
    /// What workers sent; the target's own count replaces it when the commit is answered.
    var sentBytes: UInt64 = 0
    /// While a commit is in doubt the capture is kept no longer than this.
    var keepUntil = PolicyTime(milliseconds: .max)
    var afterwards: AfterCleanup = .rest

    /// What follows when both sides are clean.
    enum AfterCleanup: Hashable, Sendable {
        case rest
        /// The target refused the parent: ask it which cycle it holds.
        case inspect
    }
}

/// Why a cycle ends without a point.
enum CycleEnding: Hashable, Sendable {
    /// It counts as a failure: the next one waits longer.
    case failed(PolicyError)
    /// Nobody's fault that waiting would mend: the next one begins at once.
    case interrupted(PolicyError)
    /// Pause, unprotect or removal: no failure at all.
    case stopped
    /// The source cannot continue from its checkpoint: the next cycle is of another kind and begins at once.
    case needs(CycleNeed)
}

/// What is known of a commit whose answer was lost.
enum CommitDoubt: Hashable, Sendable {
    /// It may be asked again, with these jobs, as long as the target still has the cycle open.
    case mayRepeat(jobs: [StoredJob], firstAskedAt: PolicyTime)
    /// The jobs are no longer known, or the commit was refused: the cycle is aborted unless it is there already.
    case mustAbort(because: PolicyError)
    /// The target has answered the abort: once the cycle is no longer open there, what it says is final.
    case aborted(because: PolicyError)
}

/// The phase of a protection. Each carries exactly what it needs.
enum CyclePhase: Hashable, Sendable {
    /// No cycle is open; the next begins when it is due.
    case resting
    /// No cycle is open; the replica is asked what it holds, because it disagreed with what is known here.
    case inspecting(PersistentCall)
    case openingCapture(CycleInFlight, CallNumber)
    case openingTarget(CycleInFlight, Capture, CallNumber)
    case transferring(CycleInFlight)
    /// All was read: the source confirms that the capture held until now, because a capture that died during reading
    /// (the guest was started, the backup job ended) may have given bytes of another instant.
    case verifying(CycleInFlight, jobs: [StoredJob], CallNumber)
    case committing(CycleInFlight, jobs: [StoredJob], firstAskedAt: PolicyTime, CallNumber)
    /// The commit's answer was lost: the target is asked which cycle it holds.
    case doubting(CycleInFlight, CommitDoubt, PersistentCall)
    /// The commit will not be repeated: the target is told to abort, and then asked once more.
    case aborting(CycleInFlight, because: PolicyError, PersistentCall)
    /// The point exists; the capture is closed, which removes the old checkpoint.
    case closing(CycleInFlight, PersistentCall)
    /// The cycle cannot become a point; both sides are cleaned at once.
    case abandoning(CycleInFlight, source: PersistentCall, target: PersistentCall)
    /// Unprotecting: every trace is removed on both sides.
    case releasing(source: PersistentCall, target: PersistentCall)
    /// Both sides are clean; the vault is to be told.
    case released
    /// The registry no longer lists the protection and nothing is open: the machine can be dropped.
    case forgotten

    /// For people.
    var text: String {
        switch self {
        case .resting: ""
        case .inspecting: "asking which cycle the replica holds"
        case .openingCapture: "opening the capture"
        case .openingTarget: "opening the cycle at the target"
        case .transferring: "transferring"
        case .verifying: "confirming the capture"
        case .committing: "committing"
        case .doubting: "asking whether the cycle was committed"
        case .aborting: "aborting"
        case .closing: "closing the capture"
        case .abandoning: "cleaning up after a failed cycle"
        case .releasing: "removing what protection left on both hosts"
        case .released: "waiting for the vault to confirm"
        case .forgotten: ""
        }
    }

    var openCycle: CycleInFlight? {
        switch self {
        case .openingCapture(let flight, _), .openingTarget(let flight, _, _), .transferring(let flight),
            .verifying(let flight, _, _), .committing(let flight, _, _, _), .doubting(let flight, _, _),
            .aborting(let flight, _, _),
            .closing(let flight, _), .abandoning(let flight, _, _):
            flight
        case .resting, .inspecting, .releasing, .released, .forgotten:
            nil
        }
    }

    /// The same phase with another version of its open cycle.
    func with(_ flight: CycleInFlight) -> CyclePhase {
        switch self {
        case .openingCapture(_, let call): .openingCapture(flight, call)
        case .openingTarget(_, let capture, let call): .openingTarget(flight, capture, call)
        case .transferring: .transferring(flight)
        case .verifying(_, let jobs, let call): .verifying(flight, jobs: jobs, call)
        case .committing(_, let jobs, let firstAskedAt, let call):
            .committing(flight, jobs: jobs, firstAskedAt: firstAskedAt, call)
        case .doubting(_, let doubt, let call): .doubting(flight, doubt, call)
        case .aborting(_, let because, let call): .aborting(flight, because: because, call)
        case .closing(_, let call): .closing(flight, call)
        case .abandoning(_, let source, let target): .abandoning(flight, source: source, target: target)
        case .resting, .inspecting, .releasing, .released, .forgotten:
            preconditionFailure("a phase without an open cycle was given one")
        }
    }
}
