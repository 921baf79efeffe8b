import Messages
import Testing

@testable import MessageBus

/// Each state of a bulk channel with each kind of frame that may come from the receiver.
@Suite(.timeLimit(.minutes(4))) struct BulkSenderStateMachineTests {
    enum State: CaseIterable, Sendable { case greeting, open, finishing, finished, failed }

    enum Outcome: Sendable { case nothing, welcomed, credit, hashes, stored, refused, violation }

    static let cells: [(State, BulkFrameHeader.Kind)] = State.allCases.flatMap { state in
        BulkFrameHeader.Kind.allCases.map { (state, $0) }
    }

    @Test(arguments: cells) func everyFrameInEveryStateHasItsMeaning(state: State, kind: BulkFrameHeader.Kind) throws {
        var machine = try Self.machine(in: state)
        let (header, body) = Self.frame(kind)
        let action = machine.received(header, body: body)
        switch (Self.expected(state, kind), action) {
        case (.nothing, .nothing), (.stored, .stored): break
        case (.welcomed, .welcomed(let credit)), (.credit, .credit(let credit)): #expect(credit == 4_096)
        case (.hashes, .hashes(let sequence)): #expect(sequence == 0)
        case (.refused, .fail(let error)): #expect(error.code == .leaseLost)
        case (.violation, .fail(let error)):
            #expect(error.code == .internal)
            #expect(error.message.contains("broke the protocol"))
        case (let expected, let other): Issue.record("\(kind) while \(state): \(other) instead of \(expected)")
        }
    }

    @Test func hashesThatWereNotAskedForOrAreOfAnotherLengthFail() throws {
        for (sequence, bytes) in [(UInt64(1), 16), (0, 15), (0, 32)] {
            var machine = try Self.machine(in: .open)
            let header = BulkFrameHeader(.hashes, sequence: sequence)
            guard case .fail = machine.received(header, body: [UInt8](repeating: 0, count: bytes)) else {
                Issue.record("hashes \(sequence) of \(bytes) bytes were taken")
                continue
            }
        }
    }

    @Test func hashesCountOnce() throws {
        var machine = try Self.machine(in: .open)
        let (header, body) = Self.frame(.hashes)
        #expect(machine.received(header, body: body) == .hashes(sequence: 0))
        guard case .fail = machine.received(header, body: body) else {
            Issue.record("the same hashes were taken twice")
            return
        }
    }

    @Test func theFirstFailureStays() throws {
        var machine = try Self.machine(in: .open)
        let first = RemoteError(.unavailable, "first")
        #expect(machine.failed(first) == first)
        #expect(machine.failed(RemoteError(.unavailable, "second")) == nil)
        #expect(machine.failure == first)
        #expect(throws: first) { try machine.record() }
        #expect(machine.abandon() == nil)
    }

    @Test func recordsAreNumberedAndTheirCountIsAnnounced() throws {
        var machine = try Self.machine(in: .open)
        #expect(try machine.record().sequence == 0)
        #expect(try machine.record().sequence == 1)
        #expect(try machine.finish().value == 2)
    }

    @Test(arguments: [(State.greeting, true), (.open, true), (.finishing, true), (.finished, false), (.failed, false)])
    func silenceMattersWhileSomethingIsUnderWay(state: State, matters: Bool) throws {
        #expect(try Self.machine(in: state).isUnderWay == matters)
    }

    // MARK: The table

    private static func expected(_ state: State, _ kind: BulkFrameHeader.Kind) -> Outcome {
        switch (state, kind) {
        case (.finished, _), (.failed, _), (_, .heartbeat): .nothing
        case (_, .refuse): .refused
        case (.greeting, .welcome): .welcomed
        case (.open, .credit), (.finishing, .credit): .credit
        case (.open, .hashes): .hashes
        case (.finishing, .stored): .stored
        case (_, .hello), (_, .welcome), (_, .record), (_, .credit), (_, .finish), (_, .stored), (_, .hashRequest),
            (_, .hashes), (_, .abandon):
            .violation
        }
    }

    /// With one hash request of one block waiting, where the state allows it.
    private static func machine(in state: State) throws -> BulkSenderStateMachine {
        var machine = BulkSenderStateMachine(endpoint: "tcp://127.0.0.1:1")
        _ = machine.hello(attempt: 7)
        switch state {
        case .greeting: return machine
        case .failed:
            _ = machine.failed(RemoteError(.unavailable, "gone"))
            return machine
        case .open, .finishing, .finished:
            _ = machine.received(BulkFrameHeader(.welcome, value: 4_096), body: [])
            _ = try machine.hashRequest(BulkHashRequest(disk: 0, offset: 0, length: 65_536))
        }
        if state == .open { return machine }
        _ = try machine.finish()
        if state == .finished {
            _ = machine.received(BulkFrameHeader(.stored), body: [UInt8](repeating: 0, count: 32))
        }
        return machine
    }

    private static func frame(_ kind: BulkFrameHeader.Kind) -> (BulkFrameHeader, [UInt8]) {
        let header = BulkFrameHeader(kind, attempt: 7, value: 4_096)
        switch kind {
        case .stored: return (header, [UInt8](repeating: 0, count: 32))
        case .hashes: return (header, [UInt8](repeating: 0, count: 16))
        case .refuse: return (header, RemoteError(.leaseLost, "The lease ended.").encoded)
        case .hello, .welcome, .record, .credit, .finish, .hashRequest, .heartbeat, .abandon: return (header, [])
        }
    }
}
