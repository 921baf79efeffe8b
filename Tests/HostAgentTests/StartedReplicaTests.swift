import Testing

@testable import HostAgent

/// Every request in every phase.
@Suite struct StartedReplicaTests {
    private static let guest = StartedGuest(
        uuid: "g", name: "guest", cycle: 4, startMilliseconds: 12, runningUnixMilliseconds: 34, warnings: ["w"])
    private static let adoption: Adoption = {
        do {
            return try Adoption(cycle: 9, isDiverged: false, disks: [], definition: "<domain/>")
        } catch {
            preconditionFailure("random numbers are there: \(error)")
        }
    }()
    private static let phases: [StartedReplica.Phase] = [
        .starting, .running(guest), .committing(guest), .committed(guest), .plain(guest), .returning(guest, adoption),
        .stopping,
    ]

    private func started(_ phase: StartedReplica.Phase, cycle: UInt64 = 4, onBase: Bool = false) -> StartedReplica {
        StartedReplica(
            order: .init(purpose: .failover, cycle: cycle, generation: 2, onBase: onBase), guest: "g",
            guestName: "guest", viewSocket: onBase ? "" : "/s", phase: phase)
    }

    private func order(_ cycle: UInt64, onBase: Bool = false) -> StartedReplica.Order {
        .init(purpose: .failover, cycle: cycle, generation: 2, onBase: onBase)
    }

    private enum Outcome: Equatable {
        case start(StartedReplica.StartAction)
        case refused(HostAgentError.Code)
    }

    private func start(_ order: StartedReplica.Order, upon known: StartedReplica?) throws -> Outcome {
        do {
            return .start(try StartedReplica.start(order, upon: known))
        } catch let error as HostAgentError {
            return .refused(error.code)
        }
    }

    @Test(arguments: phases)
    func theSamePointAgain(phase: StartedReplica.Phase) throws {
        let expected: Outcome =
            switch phase {
            case .starting: .start(.goOn)
            case .running, .committing, .committed, .plain: .start(.answer(Self.guest))
            case .returning: .refused(.failedPrecondition)
            case .stopping: .start(.removeThenBegin)
            }
        #expect(try start(order(4), upon: started(phase)) == expected)
    }

    @Test(arguments: phases)
    func anotherPoint(phase: StartedReplica.Phase) throws {
        let expected: Outcome =
            switch phase {
            case .starting, .stopping: .start(.removeThenBegin)
            case .running, .committing, .committed, .plain: .refused(.conflict)
            case .returning: .refused(.failedPrecondition)
            }
        #expect(try start(order(5), upon: started(phase)) == expected)
    }

    @Test func aStartOnItsOwnDisksIsFinishedAndNeverTakenBack() throws {
        let begun = started(.starting, onBase: true)
        #expect(try start(order(4, onBase: true), upon: begun) == .start(.goOn))
        #expect(try start(order(4), upon: begun) == .refused(.conflict))
        #expect(try StartedReplica.stop(begun) == .forgetIfOff)
        #expect(try start(order(4), upon: nil) == .start(.begin))
    }

    @Test(arguments: phases)
    func stopAndCommit(phase: StartedReplica.Phase) throws {
        let known = started(phase)
        switch phase {
        case .starting, .stopping:
            #expect(try StartedReplica.stop(known) == .remove)
            #expect(throws: HostAgentError.self) { try StartedReplica.commit(known) }
        case .running:
            #expect(try StartedReplica.stop(known) == .remove)
            #expect(try StartedReplica.commit(known) == .settle)
        case .committing:
            #expect(throws: HostAgentError.self) { try StartedReplica.stop(known) }
            #expect(try StartedReplica.commit(known) == .settle)
        case .committed, .plain:
            #expect(throws: HostAgentError.self) { try StartedReplica.stop(known) }
            #expect(try StartedReplica.commit(known) == .nothing)
        case .returning:
            #expect(throws: HostAgentError.self) { try StartedReplica.stop(known) }
            #expect(throws: HostAgentError.self) { try StartedReplica.commit(known) }
        }
        #expect(try StartedReplica.stop(nil) == .nothing)
        #expect(throws: HostAgentError.self) { try StartedReplica.commit(nil) }
    }

    @Test(arguments: phases)
    func whatGoesIntoTheBaseGoesOnAsItWasBegun(phase: StartedReplica.Phase) throws {
        let asked = try Adoption(cycle: 9, isDiverged: false, disks: [], definition: "later")
        let known = started(phase)
        switch phase {
        case .starting, .stopping:
            #expect(throws: HostAgentError.self) { try StartedReplica.adopt(known, asked) }
        case .running, .committing, .committed, .plain:
            #expect(try StartedReplica.adopt(known, asked).1 == asked)
        case .returning:
            #expect(try StartedReplica.adopt(known, asked).1 == Self.adoption)
            let other = try Adoption(cycle: 10, isDiverged: false, disks: [], definition: "")
            #expect(throws: HostAgentError.self) { try StartedReplica.adopt(known, other) }
        }
    }

    @Test(arguments: phases)
    func onlyACommittedGuestThatIsOffLeavesItsView(phase: StartedReplica.Phase) {
        let known = started(phase)
        #expect(!known.canSettleOnBase(guestIsOff: false))
        let isCommitted = if case .committed = phase { true } else { false }
        #expect(known.canSettleOnBase(guestIsOff: true) == isCommitted)
    }

    @Test(arguments: phases)
    func aRecordIsReadAsItWasWritten(phase: StartedReplica.Phase) throws {
        let known = started(phase)
        #expect(try StartedReplica(decoding: try known.encoded()) == known)
    }

    @Test func aRecordThatDoesNotHoldTogetherIsRefused() throws {
        let text = String(decoding: try started(.starting).encoded(), as: UTF8.self)
        for (word, other) in [
            ("\"starting\"", "\"running\""), ("\"version\" : 1", "\"version\" : 2"), ("{", ""),
            ("\"cycle\" : 4", "\"cycle\" : 0"), ("\"failover\"", "\"rehearsal\""),
            ("\"cycle\" : 4", "\"cycle\" : \(UInt64.max)"), ("\"generation\" : 2", "\"generation\" : \(UInt64.max)"),
        ] {
            let altered = text.replacing(word, with: other)
            #expect(altered != text)
            #expect(throws: HostAgentError.self) { try StartedReplica(decoding: Array(altered.utf8)) }
        }
    }
}
