internal import Messages

/// What one transfer may send now, and what each of its frames means: the receiver's side, as a value.
///
///     opening ──welcomed──► receiving ──finish──► finishing ──stored──► ended
///        └──────────────────────┴──────────────────────┘
///          abandon, violation, refusal, silence, stop: ended
///
/// Invariant: `outstanding` is what was received and not yet given back; it never exceeds `window`.
struct BulkReceiverStateMachine: Sendable {
    enum Action: Equatable, Sendable {
        case nothing
        case deliver(cost: Int)
        case hash(BulkHashRequest)
        case finish(records: UInt64)
        case abandon
        /// The peer broke a rule: it is refused with this, and the transfer ends.
        case violation(RemoteError)
    }

    private enum State: Equatable {
        case opening
        case receiving
        case finishing
        case ended
    }

    let hello: BulkHello
    let window: Int
    private let hashRequestsLimit: Int
    private let creditPiece: Int
    private var state = State.opening
    private var nextRecord: UInt64 = 0
    private(set) var outstanding = 0
    private var stored = 0
    private var hashRequests = 0

    init(hello: BulkHello, window: Int, limits: BulkServerLimits) {
        self.hello = hello
        self.window = window
        hashRequestsLimit = limits.hashRequestsWaiting
        creditPiece = min(limits.creditPieceBytes, window / 8)
    }

    /// The handler accepted it: from now on records may come.
    mutating func welcomed() -> BulkFrameHeader {
        precondition(state == .opening, "a transfer was welcomed twice")
        state = .receiving
        return BulkFrameHeader(.welcome, attempt: hello.attempt, value: UInt64(window))
    }

    mutating func received(_ header: BulkFrameHeader, body: ReceivedFrame) -> Action {
        if case .ended = state { return .nothing }
        guard header.attempt == hello.attempt else { return violation("The frame is of another attempt.") }
        switch (header.kind, state) {
        case (.heartbeat, _): return .nothing
        case (.abandon, _): return .abandon
        case (.record, .receiving): return receivedRecord(header, count: body.count)
        case (.hashRequest, .receiving): return receivedHashRequest(body)
        case (.finish, .receiving): return receivedFinish(header, count: body.count)
        case (.hello, _), (.welcome, _), (.record, _), (.credit, _), (.finish, _), (.stored, _), (.hashRequest, _),
            (.hashes, _), (.refuse, _):
            return violation("\(header.kind) is not allowed while \(state).")
        }
    }

    private mutating func receivedRecord(_ header: BulkFrameHeader, count: Int) -> Action {
        guard header.sequence == nextRecord else {
            return violation("Record \(nextRecord) was expected and \(header.sequence) came.")
        }
        guard count > 0 else { return violation("A record is empty.") }
        let cost = CreditAccount.cost(ofRecordBytes: count)
        guard outstanding + cost <= window else { return violation("More was sent than there was credit for.") }
        outstanding += cost
        nextRecord += 1
        return .deliver(cost: cost)
    }

    private mutating func receivedHashRequest(_ body: ReceivedFrame) -> Action {
        guard let request = BulkHashRequest(body: body.array) else { return violation("A hash request is malformed.") }
        guard hashRequests < hashRequestsLimit else { return violation("Too many hash requests wait.") }
        hashRequests += 1
        return .hash(request)
    }

    private mutating func receivedFinish(_ header: BulkFrameHeader, count: Int) -> Action {
        guard count == 32 else { return violation("A digest has 32 bytes.") }
        guard header.value == nextRecord else {
            return violation("\(nextRecord) records came and \(header.value) were announced.")
        }
        state = .finishing
        return .finish(records: nextRecord)
    }

    /// A record is stored. Returns credit to give back now, if it is worth a frame.
    mutating func stored(cost: Int) -> BulkFrameHeader? {
        stored += cost
        precondition(stored <= outstanding, "more was stored than received")
        guard stored >= creditPiece, state == .receiving else { return nil }
        defer { stored = 0 }
        outstanding -= stored
        return BulkFrameHeader(.credit, attempt: hello.attempt, value: UInt64(stored))
    }

    mutating func hashed(sequence: UInt64) -> BulkFrameHeader {
        hashRequests -= 1
        return BulkFrameHeader(.hashes, attempt: hello.attempt, sequence: sequence)
    }

    mutating func finished() -> BulkFrameHeader {
        state = .ended
        return BulkFrameHeader(.stored, attempt: hello.attempt, value: nextRecord)
    }

    mutating func ended() { state = .ended }

    var isOver: Bool { state == .ended }

    private func violation(_ sentence: String) -> Action {
        .violation(
            RemoteError(
                .invalidArgument, sentence, remedy: "Speak bulk version 1 as Protocol.md says.",
                facts: ["attempt": "\(hello.attempt)"]))
    }
}
