internal import Messages

/// What the sending side of a transfer may do, and what each frame from the receiver means: a value.
///
///     idle ──hello──► greeting ──welcome──► open ──finish──► finishing ──stored──► finished
///                         └──────────┬────────┴───────────────┘
///                      refuse, silence, disconnect, violation: failed
struct BulkSenderStateMachine: Sendable {
    enum Action: Equatable, Sendable {
        case nothing
        case welcomed(credit: UInt64)
        case credit(UInt64)
        case hashes(sequence: UInt64)
        case stored
        case fail(RemoteError)
    }

    private enum State: Equatable {
        case idle
        case greeting
        case open
        case finishing
        case finished
        case failed(RemoteError)
    }

    private var state = State.idle
    private let endpoint: String
    private(set) var attempt: UInt32 = 0
    private(set) var records: UInt64 = 0
    private var hashRequests: UInt64 = 0
    /// Number of blocks asked for, by the request's sequence.
    private var openHashRequests: [UInt64: Int] = [:]

    init(endpoint: String) { self.endpoint = endpoint }

    mutating func hello(attempt: UInt32) -> BulkFrameHeader {
        precondition(state == .idle, "a bulk channel was opened twice")
        state = .greeting
        self.attempt = attempt
        return BulkFrameHeader(.hello, attempt: attempt)
    }

    /// Throws what the channel failed with.
    mutating func record() throws(RemoteError) -> BulkFrameHeader {
        try checkOpen()
        defer { records += 1 }
        return BulkFrameHeader(.record, attempt: attempt, sequence: records)
    }

    mutating func hashRequest(_ request: BulkHashRequest) throws(RemoteError) -> BulkFrameHeader {
        try checkOpen()
        defer { hashRequests += 1 }
        openHashRequests[hashRequests] = request.blocks
        return BulkFrameHeader(.hashRequest, attempt: attempt, sequence: hashRequests)
    }

    mutating func finish() throws(RemoteError) -> BulkFrameHeader {
        try checkOpen()
        state = .finishing
        return BulkFrameHeader(.finish, attempt: attempt, sequence: 0, value: records)
    }

    /// Nil when there is nothing to abandon: not begun, over, or failed.
    mutating func abandon() -> BulkFrameHeader? {
        switch state {
        case .idle, .finished, .failed: return nil
        case .greeting, .open, .finishing:
            state = .failed(closedError)
            return BulkFrameHeader(.abandon, attempt: attempt)
        }
    }

    /// The first failure stays. Nil when the transfer had ended already.
    mutating func failed(_ error: RemoteError) -> RemoteError? {
        switch state {
        case .finished, .failed: return nil
        case .idle, .greeting, .open, .finishing:
            state = .failed(error)
            return error
        }
    }

    /// Whether silence and disconnects matter now.
    var isUnderWay: Bool {
        switch state {
        case .greeting, .open, .finishing: true
        case .idle, .finished, .failed: false
        }
    }

    var failure: RemoteError? {
        if case .failed(let error) = state { error } else { nil }
    }

    mutating func received(_ header: BulkFrameHeader, body: [UInt8]) -> Action {
        switch (header.kind, state) {
        case (.heartbeat, _), (_, .failed), (_, .finished): return .nothing
        case (.refuse, _):
            let error = RemoteError(encoded: body) ?? violation("It refused without saying why.")
            return .fail(error)
        case (.welcome, .greeting):
            state = .open
            return .welcomed(credit: header.value)
        case (.credit, .open), (.credit, .finishing): return .credit(header.value)
        case (.hashes, .open): return receivedHashes(header, body)
        case (.stored, .finishing):
            guard body.count == 32 else { return .fail(violation("Its digest has another length.")) }
            state = .finished
            return .stored
        case (.welcome, _), (.credit, _), (.hashes, _), (.stored, _), (.hello, _), (.record, _), (.finish, _),
            (.hashRequest, _), (.abandon, _):
            return .fail(violation("It sent \(header.kind) where that makes no sense."))
        }
    }

    private mutating func receivedHashes(_ header: BulkFrameHeader, _ body: [UInt8]) -> Action {
        guard let blocks = openHashRequests.removeValue(forKey: header.sequence) else {
            return .fail(violation("It sent hashes that were not asked for."))
        }
        guard body.count == blocks * BulkHashRequest.hashBytes else {
            return .fail(violation("It sent another number of hashes than was asked for."))
        }
        return .hashes(sequence: header.sequence)
    }

    private func checkOpen() throws(RemoteError) {
        switch state {
        case .open: return
        case .failed(let error): throw error
        case .idle, .greeting, .finishing, .finished:
            preconditionFailure("a bulk channel was used before it was welcomed or after it was finished")
        }
    }

    func violation(_ sentence: String) -> RemoteError {
        RemoteError(
            .internal, "The bulk receiver broke the protocol. \(sentence)",
            remedy: "Use the same release on both sides.", facts: ["origin": "caller", "endpoint": endpoint])
    }

    var closedError: RemoteError {
        RemoteError(
            .unavailable, "The bulk channel was closed here.", retryable: false,
            facts: ["origin": "caller", "endpoint": endpoint])
    }
}
