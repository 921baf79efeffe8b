import CZeroMQ
import Messages
import Testing

@testable import MessageBus

/// Every cell of "Bulk transfer (receiver)" in Protocol.md: each state with each kind of frame.
@Suite(.timeLimit(.minutes(4))) struct BulkReceiverStateMachineTests {
    enum State: CaseIterable, Sendable { case opening, receiving, finishing, ended }

    enum Outcome: Sendable { case nothing, stored, hashed, finishing, abandoned, violation }

    static let attempt: UInt32 = 7
    static let record: [UInt8] = [1, 2, 3]
    static let cells: [(State, BulkFrameHeader.Kind)] = State.allCases.flatMap { state in
        BulkFrameHeader.Kind.allCases.map { (state, $0) }
    }

    @Test(arguments: cells) func everyFrameInEveryStateIsAnsweredAsThePageSays(
        state: State, kind: BulkFrameHeader.Kind
    ) {
        var machine = Self.machine(in: state)
        let (header, body) = Self.frame(kind)
        let action = machine.received(header, body: ReceivedFrame(holding: body))
        switch (Self.expected(state, kind), action) {
        case (.nothing, .nothing), (.abandoned, .abandon): break
        case (.stored, .deliver(let cost)):
            #expect(cost == FrameLimits.smallestRecordCost)
            #expect(machine.outstanding == cost)
        case (.hashed, .hash(let request)):
            #expect(request == BulkHashRequest(disk: 1, offset: 65_536, length: 65_536))
        case (.finishing, .finish(let records)): #expect(records == 0)
        case (.violation, .violation(let error)): #expect(error.code == .invalidArgument)
        case (let expected, let other): Issue.record("\(kind) while \(state): \(other) instead of \(expected)")
        }
    }

    @Test(arguments: State.allCases.filter { $0 != .ended }, BulkFrameHeader.Kind.allCases)
    func aFrameOfAnotherAttemptIsAViolation(state: State, kind: BulkFrameHeader.Kind) {
        var machine = Self.machine(in: state)
        var (header, body) = Self.frame(kind)
        header.attempt += 1
        guard case .violation = machine.received(header, body: ReceivedFrame(holding: body)) else {
            Issue.record("\(kind) of another attempt was taken while \(state)")
            return
        }
    }

    @Test func recordsOutOfOrderOrEmptyOrBeyondTheCreditAreViolations() {
        for (sequence, bytes) in [(UInt64(1), 3), (0, 0), (0, 8_193)] {
            var machine = Self.machine(in: .receiving)
            let header = BulkFrameHeader(.record, attempt: Self.attempt, sequence: sequence)
            let action = machine.received(header, body: ReceivedFrame(holding: [UInt8](repeating: 9, count: bytes)))
            guard case .violation = action else {
                Issue.record("record \(sequence) of \(bytes) bytes: \(action)")
                continue
            }
            #expect(machine.outstanding == 0)
        }
    }

    @Test func creditComesBackInPiecesAndNeverMoreThanWasUsed() {
        var machine = Self.machine(in: .receiving)
        // A window of 8,192 bytes gives back in pieces of an eighth, and a small record costs just that.
        for sequence in 0..<UInt64(8) {
            let header = BulkFrameHeader(.record, attempt: Self.attempt, sequence: sequence)
            #expect(
                machine.received(header, body: ReceivedFrame(holding: Self.record))
                    == .deliver(cost: FrameLimits.smallestRecordCost))
        }
        #expect(machine.outstanding == 8_192)
        let credit = machine.stored(cost: FrameLimits.smallestRecordCost)
        #expect(credit?.kind == .credit)
        #expect(credit?.value == UInt64(FrameLimits.smallestRecordCost))
        #expect(machine.outstanding == 7_168)
    }

    @Test func hashRequestsBeyondTheLimitAreViolations() {
        var machine = Self.machine(in: .receiving)
        let (header, body) = Self.frame(.hashRequest)
        for _ in 0..<BulkServerLimits().hashRequestsWaiting {
            guard case .hash = machine.received(header, body: ReceivedFrame(holding: body)) else {
                Issue.record("a hash request within the limit was refused")
                return
            }
        }
        guard case .violation = machine.received(header, body: ReceivedFrame(holding: body)) else {
            Issue.record("one hash request too many was taken")
            return
        }
        _ = machine.hashed(sequence: 0)
        guard case .hash = machine.received(header, body: ReceivedFrame(holding: body)) else {
            Issue.record("an answered request still counts")
            return
        }
    }

    @Test func aFinishHasToCountWhatCameAndCarryADigest() {
        for (count, digest) in [(UInt64(1), 32), (0, 31), (0, 33)] {
            var machine = Self.machine(in: .receiving)
            let header = BulkFrameHeader(.finish, attempt: Self.attempt, value: count)
            let action = machine.received(header, body: ReceivedFrame(holding: [UInt8](repeating: 0, count: digest)))
            guard case .violation = action else {
                Issue.record("finish with \(count) records and \(digest) bytes: \(action)")
                continue
            }
        }
    }

    // MARK: The page's table

    private static func expected(_ state: State, _ kind: BulkFrameHeader.Kind) -> Outcome {
        switch (state, kind) {
        case (.ended, _), (_, .heartbeat): .nothing
        case (_, .abandon): .abandoned
        case (.receiving, .record): .stored
        case (.receiving, .hashRequest): .hashed
        case (.receiving, .finish): .finishing
        case (_, .hello), (_, .welcome), (_, .record), (_, .credit), (_, .finish), (_, .stored), (_, .hashRequest),
            (_, .hashes), (_, .refuse):
            .violation
        }
    }

    /// However much of the window is stored and not given back yet.
    @Test func theSmallestWindowHoldsTheLargestRecord() {
        let limits = BulkServerLimits()
        var machine = BulkReceiverStateMachine(
            hello: Self.machine(in: .opening).hello, window: limits.smallestWindowBytes, limits: limits)
        _ = machine.welcomed()
        for sequence in UInt64(0)..<20_000 {
            let header = BulkFrameHeader(.record, attempt: Self.attempt, sequence: sequence)
            #expect(machine.received(header, body: ReceivedFrame(holding: [1])) == .deliver(cost: 1_024))
            _ = machine.stored(cost: 1_024)
            #expect(machine.window - machine.outstanding >= FrameLimits.bulkFrameBytes)
        }
    }

    private static func machine(in state: State) -> BulkReceiverStateMachine {
        let hello = BulkHello(
            token: [UInt8](repeating: 1, count: 16), job: [UInt8](repeating: 2, count: 16), attempt: attempt)
        var machine = BulkReceiverStateMachine(hello: hello, window: 8_192, limits: BulkServerLimits())
        switch state {
        case .opening: break
        case .receiving: _ = machine.welcomed()
        case .finishing:
            _ = machine.welcomed()
            let (header, body) = frame(.finish)
            #expect(machine.received(header, body: ReceivedFrame(holding: body)) == .finish(records: 0))
        case .ended: machine.ended()
        }
        return machine
    }

    /// One that is right in itself.
    private static func frame(_ kind: BulkFrameHeader.Kind) -> (BulkFrameHeader, [UInt8]) {
        let header = BulkFrameHeader(kind, attempt: attempt)
        switch kind {
        case .record: return (header, record)
        case .hashRequest: return (header, BulkHashRequest(disk: 1, offset: 65_536, length: 65_536).body)
        case .finish, .stored: return (header, [UInt8](repeating: 0, count: 32))
        case .hello: return (header, [UInt8](repeating: 1, count: 32))
        case .welcome, .credit, .hashes, .refuse, .heartbeat, .abandon: return (header, [])
        }
    }
}

extension ReceivedFrame {
    /// As if it had just arrived.
    convenience init(holding bytes: [UInt8]) {
        self.init()
        zmq_msg_close(pointer)
        zmq_msg_init_size(pointer, bytes.count)
        bytes.withUnsafeBytes { source in
            guard let first = source.baseAddress, source.count > 0 else { return }
            zmq_msg_data(pointer)?.copyMemory(from: first, byteCount: source.count)
        }
    }
}
