import Messages

@testable import HostAgent

/// What a host holds of one protection. A guest that is unprotected and protected again has another one, and what was
/// kept of the one before stays where it is.
struct WalkPart {
    // Durable: replica directory and database.
    var replica: WalkReplica?
    var side: SideStateMachine?
    var ledger = CheckpointLedger()
    var captureGeneration: UInt64 = 0
    var started: StartedReplica?
    var test: StartedReplica?
    /// What a test's guest sees; it may write, and nobody else ever sees it.
    var testContent: [Int]?
    var startedOnBase: (generation: UInt64, guest: StartedGuest)?
    var retired: UInt64 = 0
    /// How often the guest had been started when it was stopped by command: what its images looked like then.
    var stopped: Int?
    /// The same, of when what they held had been kept aside.
    var kept: Int?
    /// Released or deleted, so that its side is forgotten once the vault no longer names it.
    var isEnding = false

    // Gone with the agent.
    var capturing = CaptureStateMachine()
    var receiving = CycleStateMachine()
    var order: TargetRole.CycleOrder?
    var records: [UInt32: [Int: Int]] = [:]
    var prepares: UInt64?
    var failure: RemoteError?

    mutating func agentEnds() {
        receiving = CycleStateMachine()
        order = nil
        records = [:]
        prepares = nil
        failure = nil
    }

    mutating func agentStarts() { capturing = CaptureStateMachine(ledger: ledger, generation: captureGeneration) }
}

extension WalkHost {
    /// Everything that this host holds, by protection.
    var parts: [(key: String, value: WalkPart)] {
        [(protection, part)] + others.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    func part(of protection: String) -> WalkPart? {
        protection == self.protection ? part : others[protection]
    }

    /// Makes another protection the one that everything else speaks of.
    mutating func turn(to protection: String) {
        guard protection != self.protection else { return }
        if !self.protection.isEmpty { others[self.protection] = part }
        part = others.removeValue(forKey: protection) ?? WalkPart()
        self.protection = protection
    }

    /// Does the same for every protection that this host knows.
    mutating func forEachPart(_ body: (inout WalkHost) throws -> Void) rethrows {
        try body(&self)
        let current = protection
        defer { turn(to: current) }
        for other in others.keys.sorted() {
            turn(to: other)
            try body(&self)
        }
    }
}

extension AgentRequest.OneOf_Request {
    /// The protection that it is about; empty when it is about none.
    var protection: String {
        switch self {
        case .openCapture(let request): request.protection
        case .keepCapture(let request): request.protection
        case .closeCapture(let request): request.protection
        case .releaseSource(let request): request.protection
        case .openCycle(let request): request.protection
        case .commitCycle(let request): request.protection
        case .abortCycle(let request): request.protection
        case .describeReplica(let request): request.protection
        case .listPoints(let request): request.protection
        case .deleteReplica(let request): request.protection
        case .openView(let request): request.protection
        case .scrub(let request): request.protection
        case .setSide(let request): request.protection
        case .stopGuest(let request): request.protection
        case .startGuest(let request): request.protection
        case .startReplica(let request): request.protection
        case .stopReplica(let request): request.protection
        case .commitReplica(let request): request.protection
        case .prepareReplica(let request): request.protection
        case .adoptDisks(let request): request.protection
        case .describeSide(let request): request.protection
        case .keepView, .closeView, .doctorCheck: ""
        }
    }
}
