import HostAgent
import Testing

@Suite struct CaptureStateMachineTests {
    private typealias Machine = CaptureStateMachine
    private let now = ContinuousClock().now
    private let keep = Duration.seconds(20)

    private func order(
        _ cycle: UInt64, _ kind: Machine.Order.Kind = .incremental, parent: UInt64?, generation: UInt64 = 1
    ) -> Machine.Order {
        Machine.Order(cycle: cycle, kind: kind, parent: parent, generation: generation)
    }

    private func code(_ body: () throws -> some Any) -> HostAgentError.Code? {
        do {
            _ = try body()
            return nil
        } catch {
            return (error as? HostAgentError)?.code
        }
    }

    /// Cycle 1 was captured and committed.
    private func afterFirstCycle() throws -> Machine {
        var machine = Machine()
        #expect(try machine.open(order(1, .full, parent: nil)) == .begin(ending: nil, keep: nil))
        machine.began(now: now, keep: keep)
        #expect(
            try machine.close(cycle: 1, committed: true, keepCheckpointOf: nil, generation: 1, now: now)
                == .close(cycle: 1, keep: 1))
        machine.closed(reason: nil)
        return machine
    }

    @Test func committedCyclesHandTheirCheckpointOn() throws {
        var machine = try afterFirstCycle()
        #expect(machine.ledger.acknowledged == 1)
        #expect(try machine.open(order(2, parent: 1)) == .begin(ending: nil, keep: 1))
        #expect(machine.ledger.candidate == 2)
        machine.began(now: now, keep: keep)
        #expect(
            try machine.close(cycle: 2, committed: true, keepCheckpointOf: nil, generation: 1, now: now)
                == .close(cycle: 2, keep: 2))
    }

    @Test func anAbandonedCycleKeepsTheOlderCheckpoint() throws {
        var machine = try afterFirstCycle()
        _ = try machine.open(order(2, parent: 1))
        machine.began(now: now, keep: keep)
        #expect(
            try machine.close(cycle: 2, committed: false, keepCheckpointOf: 1, generation: 1, now: now)
                == .close(cycle: 2, keep: 1))
        machine.closed(reason: nil)
        #expect(machine.ledger == CheckpointLedger(acknowledged: 1))
    }

    @Test(arguments: [2, 3, 1 << 61, .max] as [UInt64])
    func aCheckpointThatIsNotOlderIsNotKept(kept: UInt64) throws {
        var machine = try afterFirstCycle()
        _ = try machine.open(order(2, parent: 1))
        machine.began(now: now, keep: keep)
        let refused = code {
            try machine.close(cycle: 2, committed: false, keepCheckpointOf: kept, generation: 1, now: now)
        }
        #expect(refused == .invalidArgument)
        #expect(machine.ledger.acknowledged == 1)
        #expect(
            try machine.close(cycle: 2, committed: false, keepCheckpointOf: 1, generation: 1, now: now)
                == .close(cycle: 2, keep: 1))
    }

    @Test func theSameCaptureIsAnsweredAgain() throws {
        var machine = try afterFirstCycle()
        _ = try machine.open(order(2, parent: 1))
        machine.began(now: now, keep: keep)
        #expect(try machine.open(order(2, parent: 1)) == .answerAgain)
    }

    @Test func anotherCycleEndsTheOneThatIsOpen() throws {
        var machine = try afterFirstCycle()
        _ = try machine.open(order(2, parent: 1))
        machine.began(now: now, keep: keep)
        #expect(try machine.open(order(3, parent: 1)) == .begin(ending: order(2, parent: 1), keep: 1))
    }

    @Test func aParentThatWasNeverReportedIsAcknowledgedByBeingNamed() throws {
        var machine = try afterFirstCycle()
        _ = try machine.open(order(2, parent: 1))
        machine.began(now: now, keep: keep)
        #expect(try machine.open(order(3, parent: 2)) == .begin(ending: order(2, parent: 1), keep: 2))
        #expect(machine.ledger == CheckpointLedger(acknowledged: 2, candidate: 3))
    }

    @Test func olderGenerationsAndOlderCyclesAreRefused() throws {
        var machine = try afterFirstCycle()
        _ = try machine.open(order(2, parent: 1, generation: 5))
        machine.began(now: now, keep: keep)
        #expect(code { try machine.open(order(3, parent: 1, generation: 4)) } == .staleGeneration)
        #expect(code { try machine.open(order(1, .full, parent: nil, generation: 5)) } == .conflict)
        #expect(
            code { try machine.close(cycle: 2, committed: true, keepCheckpointOf: nil, generation: 1, now: now) }
                == .staleGeneration)
        #expect(code { try machine.keep(cycle: 2, generation: 1, now: now, keep: keep) } == .staleGeneration)
        #expect(code { try machine.open(order(3, parent: 1, generation: 0)) } == .invalidArgument)
        #expect(code { try machine.open(order(3, parent: 3, generation: 5)) } == .invalidArgument)
        #expect(code { try machine.open(order(3, parent: nil, generation: 5)) } == .invalidArgument)
    }

    @Test func whatNobodyKeepsAliveExpiresAndKeepsTheOlderCheckpoint() throws {
        var machine = try afterFirstCycle()
        _ = try machine.open(order(2, parent: 1))
        machine.began(now: now, keep: keep)
        #expect(machine.expire(now: now + .seconds(19)) == nil)
        try machine.keep(cycle: 2, generation: 1, now: now + .seconds(19), keep: keep)
        #expect(machine.expire(now: now + .seconds(38)) == nil)
        #expect(machine.expire(now: now + .seconds(39)) == .close(cycle: 2, keep: 1))
        machine.closed(reason: "nobody kept it alive")
        #expect(code { try machine.keep(cycle: 2, generation: 1, now: now, keep: keep) } == .failedPrecondition)
        // The target may have committed it all the same.
        #expect(machine.ledger == CheckpointLedger(acknowledged: 1, candidate: 2))
        #expect(
            try machine.close(cycle: 2, committed: true, keepCheckpointOf: nil, generation: 1, now: now)
                == .close(cycle: 2, keep: 2))
    }

    @Test func endingThatFailedIsTriedAgain() throws {
        var machine = try afterFirstCycle()
        _ = try machine.open(order(2, parent: 1))
        machine.began(now: now, keep: keep)
        _ = try machine.close(cycle: 2, committed: true, keepCheckpointOf: nil, generation: 1, now: now)
        // The hypervisor did not do it.
        #expect(machine.expire(now: now) == nil)
        #expect(machine.expire(now: now + HostAgentLimits.closeRetryInterval) == .close(cycle: 2, keep: 2))
        machine.closed(reason: nil)
        #expect(machine.phase == .idle)
    }

    @Test func closingTwiceChangesNothingTheSecondTime() throws {
        var machine = try afterFirstCycle()
        #expect(
            try machine.close(cycle: 1, committed: true, keepCheckpointOf: nil, generation: 1, now: now) == .nothing)
        #expect(
            try machine.close(cycle: 1, committed: false, keepCheckpointOf: nil, generation: 1, now: now) == .nothing)
        #expect(machine.ledger == CheckpointLedger(acknowledged: 1))
    }

    @Test func aLateCloseDoesNotEndTheNextCapture() throws {
        var machine = try afterFirstCycle()
        _ = try machine.open(order(2, parent: 1))
        machine.began(now: now, keep: keep)
        #expect(
            code { try machine.close(cycle: 1, committed: true, keepCheckpointOf: nil, generation: 1, now: now) }
                == .conflict)
        #expect(machine.phase == .open(order(2, parent: 1), expires: now + keep))
    }

    @Test func afterARestartTheOwnerTellsWhichCheckpointCounts() throws {
        let ledger = CheckpointLedger(acknowledged: 4, candidate: 5)
        var committed = Machine(ledger: ledger, generation: 2)
        #expect(
            try committed.close(cycle: 5, committed: true, keepCheckpointOf: nil, generation: 2, now: now)
                == .close(cycle: 5, keep: 5))
        var abandoned = Machine(ledger: ledger, generation: 2)
        #expect(
            try abandoned.close(cycle: 5, committed: false, keepCheckpointOf: 4, generation: 2, now: now)
                == .close(cycle: 5, keep: 4))
        var opened = Machine(ledger: ledger, generation: 2)
        #expect(try opened.open(order(6, parent: 5, generation: 2)) == .begin(ending: nil, keep: 5))
        var stale = Machine(ledger: ledger, generation: 2)
        #expect(code { try stale.open(order(6, parent: 5, generation: 1)) } == .staleGeneration)
    }

    @Test func aFailedBeginLeavesTheOlderCheckpoint() throws {
        var machine = try afterFirstCycle()
        _ = try machine.open(order(2, parent: 1))
        machine.beginFailed()
        #expect(machine.ledger == CheckpointLedger(acknowledged: 1))
        #expect(machine.phase == .idle)
    }

    @Test func afterAReleaseOnlyTheGenerationIsRemembered() throws {
        var machine = try afterFirstCycle()
        try machine.admit(generation: 7)
        machine.released()
        #expect(machine.ledger == CheckpointLedger())
        #expect(code { try machine.open(order(1, .full, parent: nil, generation: 6)) } == .staleGeneration)
        #expect(try machine.open(order(1, .full, parent: nil, generation: 7)) == .begin(ending: nil, keep: nil))
    }

    @Test func aLostCaptureTellsWhy() throws {
        var machine = try afterFirstCycle()
        _ = try machine.open(order(2, parent: 1))
        machine.began(now: now, keep: keep)
        #expect(machine.lost(cycle: 1, now: now) == nil)
        #expect(machine.lost(cycle: 2, now: now) == .close(cycle: 2, keep: 1))
        machine.closed(reason: "scratch space is full")
        #expect(machine.phase == .lost(order(2, parent: 1), reason: "scratch space is full"))
        // The next cycle starts from the older checkpoint.
        #expect(try machine.open(order(3, parent: 1)) == .begin(ending: nil, keep: 1))
    }
}
