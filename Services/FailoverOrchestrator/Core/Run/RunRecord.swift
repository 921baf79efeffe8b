/// A run as it is stored: what was asked, how far it is, and every fact that it learned.
///
/// Invariants: steps before the one that is under way have ended; none after it has begun; a waiting run says for what;
/// an ended run has an end.
struct RunRecord: Hashable, Sendable, Codable {
    /// UUID in lower case.
    var id: String
    var request: RunRequest
    /// Identifier of the protection.
    var protection: String
    var guestUUID: String
    var guestName: String
    /// Sender of the request.
    var requestedBy: String
    var requestedAt: RunTime
    var endedAt: RunTime?
    var progress = RunProgress.forward(0)
    var steps: [StepRecord]
    var facts: RunFacts
    /// Set while the run stands still.
    var wait: RunWait?
    /// Somebody wants the run given up while an answer was outstanding.
    var isAbandonAsked = false
    /// Given up where it cannot be taken back: it ends as failed, with this.
    var abandoned: OrchestratorError?
    var warnings: [String] = []

    var kind: RunKind { request.kind }

    var isEnded: Bool {
        switch progress {
        case .forward, .back: false
        case .succeeded, .failed: true
        }
    }

    /// Whether a test guest that this run started is still there, as far as this service knows.
    var holdsTest: Bool { kind == .test && progress == .succeeded && !facts.isTestCleaned }

    /// The present step; nil when the run ended.
    var currentStep: RunStep? {
        switch progress {
        case .forward(let index): index < steps.count ? steps[index].step : nil
        case .back(let index, _): index >= 0 ? steps[index].step : nil
        case .succeeded, .failed: nil
        }
    }

    /// Whether the run goes forward and has come to where nothing is taken back.
    func isBeyondReturn(at index: Int) -> Bool {
        guard let last = kind.pointOfNoReturn, let first = steps.firstIndex(where: { $0.step == last }) else {
            return false
        }
        return index >= first
    }

    func index(of step: RunStep) -> Int? { steps.firstIndex { $0.step == step } }

    func isDone(_ step: RunStep) -> Bool { steps.contains { $0.step == step && $0.state == .done } }

    func hasBegun(_ step: RunStep) -> Bool { steps.contains { $0.step == step && $0.attempts > 0 } }

    mutating func warn(_ text: String) {
        let text = Self.cut(text)
        guard !text.isEmpty, !warnings.contains(text), warnings.count < OrchestratorLimits.warningsMaximum else {
            return
        }
        warnings.append(text)
    }

    /// A peer's sentence, bounded.
    static func cut(_ text: String, bytes: Int = OrchestratorLimits.sentenceBytesMaximum) -> String {
        guard text.utf8.count > bytes else { return text }
        var cut = text.prefix(bytes)
        while cut.utf8.count > bytes - 3 { cut.removeLast() }
        return cut + "…"
    }

    /// Throws when the record contradicts itself: checked before it is written and after it is read.
    func checkInvariants() throws(OrchestratorError) {
        func demand(_ holds: Bool, _ rule: String) throws(OrchestratorError) {
            guard !holds else { return }
            throw OrchestratorError(
                .corruptData, "The record of run \(id) contradicts itself: \(rule).",
                remedy: OrchestratorError.lostRecordRemedy)
        }
        try demand(!id.isEmpty && !protection.isEmpty, "it has no identifier")
        try demand(!steps.isEmpty, "it has no steps")
        try demand(isEnded == (endedAt != nil), "its end is not its state's")
        try demand(!isEnded || wait == nil, "it ended and waits")
        switch progress {
        case .forward(let index):
            try demand((0...steps.count).contains(index), "its step does not exist")
            try demand(steps.prefix(index).allSatisfy(\.isOver), "a step before the present one did not end")
            try demand(steps.dropFirst(index + 1).allSatisfy { $0.attempts == 0 }, "a later step has begun")
        case .back(let index, _):
            try demand((-1..<steps.count).contains(index), "its step does not exist")
        case .succeeded:
            try demand(steps.allSatisfy(\.isOver), "it succeeded and a step did not end")
        case .failed: break
        }
    }
}

/// Which way a run goes, and how far it is.
enum RunProgress: Hashable, Sendable, Codable {
    /// The step under way, or the number of steps when none is left.
    case forward(Int)
    /// The step that is being taken back, and why.
    case back(Int, OrchestratorError)
    case succeeded
    case failed(OrchestratorError)
}

/// Why a run stands still.
struct RunWait: Hashable, Sendable, Codable {
    var sentence: String
    var remedy: String
    /// When it tries again by itself; nil: when it is told to.
    var until: RunTime?
}

/// One step of a run.
struct StepRecord: Hashable, Sendable, Codable {
    enum State: String, Hashable, Sendable, Codable { case pending, running, done, skipped, failed, undone }

    var step: RunStep
    var state = State.pending
    var startedAt: RunTime?
    var endedAt: RunTime?
    /// Rises with each try of the step, forward and back; identifiers of requests are made from it.
    var attempts: UInt32 = 0
    /// Which of the step's calls is next.
    var stage = 0
    /// Since when, and how often in a row, the present call failed.
    var failingSince: RunTime?
    var failuresInARow = 0
    var detail = ""
    var doneBytes: UInt64 = 0
    var totalBytes: UInt64 = 0

    init(_ step: RunStep) { self.step = step }

    var isOver: Bool {
        switch state {
        case .pending, .running: false
        case .done, .skipped, .failed, .undone: true
        }
    }
}
