import HostAgent
import Testing

@Suite struct CycleStateMachineTests {
    private let token = [UInt8](repeating: 7, count: 16)
    private let job = [UInt8](repeating: 1, count: 16)
    private let digest = [UInt8](repeating: 9, count: 32)

    private func code(_ body: () throws -> some Any) -> HostAgentError.Code? {
        do {
            _ = try body()
            return nil
        } catch {
            return (error as? HostAgentError)?.code
        }
    }

    private func opening(_ cycle: UInt64, generation: UInt64 = 1) -> CycleStateMachine.Opening {
        .init(cycle: cycle, parent: cycle == 1 ? nil : cycle - 1, generation: generation, token: token)
    }

    private func receiving(_ cycle: UInt64 = 1) -> CycleStateMachine {
        var machine = CycleStateMachine()
        machine.opened(opening(cycle))
        return machine
    }

    private func stored(_ attempt: UInt32, job: [UInt8]? = nil, digest: [UInt8]? = nil) -> CycleStateMachine.StoredJob {
        .init(job: job ?? self.job, attempt: attempt, digest: digest ?? self.digest)
    }

    @Test func whatCameInWholeIsCommitted() throws {
        var machine = receiving()
        try machine.begin(token: token, job: job, attempt: 1)
        try machine.finish(token: token, attempt: 1, digest: digest, storedBytes: 10)
        #expect(try machine.commit(cycle: 1, jobs: [stored(1)]) == [1])
        machine.committed()
        #expect(machine.phase == .idle)
    }

    @Test func aCycleWithoutChangesIsCommittedWithoutJobs() throws {
        var machine = receiving()
        #expect(try machine.commit(cycle: 1, jobs: []) == [])
    }

    @Test func attemptsThatAreNotNamedDoNotSurface() throws {
        var machine = receiving()
        try machine.begin(token: token, job: job, attempt: 1)
        try machine.finish(token: token, attempt: 1, digest: digest, storedBytes: 10)
        try machine.begin(token: token, job: job, attempt: 2)
        try machine.finish(token: token, attempt: 2, digest: digest, storedBytes: 10)
        #expect(try machine.commit(cycle: 1, jobs: [stored(2)]) == [2])
    }

    /// What a commit may say of attempt 1, and what is held of it.
    @Test func onlyFinishedAttemptsOfTheirJobWithTheirDigestAreCommitted() throws {
        var finished = receiving()
        try finished.begin(token: token, job: job, attempt: 1)
        try finished.finish(token: token, attempt: 1, digest: digest, storedBytes: 10)
        let other = [UInt8](repeating: 2, count: 16)
        #expect(code { try finished.commit(cycle: 1, jobs: [stored(1, job: other)]) } == .failedPrecondition)
        #expect(code { try finished.commit(cycle: 1, jobs: [stored(1, digest: other + other)]) } == .corruptData)
        #expect(code { try finished.commit(cycle: 1, jobs: [stored(2)]) } == .failedPrecondition)
        #expect(code { try finished.commit(cycle: 1, jobs: [stored(1), stored(1)]) } == .invalidArgument)
        #expect(code { try finished.commit(cycle: 2, jobs: [stored(1)]) } == .conflict)
        #expect(try finished.commit(cycle: 1, jobs: [stored(1)]) == [1])

        var unfinished = receiving()
        try unfinished.begin(token: token, job: job, attempt: 1)
        #expect(code { try unfinished.commit(cycle: 1, jobs: [stored(1)]) } == .failedPrecondition)
        unfinished.discard(token: token, attempt: 1)
        #expect(code { try unfinished.commit(cycle: 1, jobs: [stored(1)]) } == .failedPrecondition)
    }

    @Test func aTokenOfNoOpenCycleIsUnknown() throws {
        var machine = receiving()
        let other = [UInt8](repeating: 8, count: 16)
        #expect(code { try machine.begin(token: other, job: job, attempt: 1) } == .notFound)
        #expect(try machine.abort(cycle: 1) == opening(1))
        #expect(code { try machine.begin(token: token, job: job, attempt: 1) } == .notFound)
        #expect(code { try machine.finish(token: token, attempt: 1, digest: digest, storedBytes: 1) } == .notFound)
    }

    @Test func anAttemptIsBegunOnce() throws {
        var machine = receiving()
        try machine.begin(token: token, job: job, attempt: 1)
        #expect(code { try machine.begin(token: token, job: job, attempt: 1) } == .conflict)
        machine.discard(token: token, attempt: 1)
        #expect(code { try machine.begin(token: token, job: job, attempt: 1) } == .conflict)
    }

    @Test func openingTwiceAnswersAgainUntilSomethingWasSent() throws {
        var machine = receiving(4)
        #expect(try machine.open(cycle: 4, parent: 3, generation: 1) == .answerAgain(opening(4)))
        try machine.begin(token: token, job: job, attempt: 1)
        #expect(try machine.open(cycle: 4, parent: 3, generation: 1) == .open(discarding: opening(4)))
        #expect(try machine.open(cycle: 5, parent: 3, generation: 1) == .open(discarding: opening(4)))
        #expect(code { try machine.open(cycle: 3, parent: 2, generation: 1) } == .conflict)
    }

    @Test func whileItCommitsNothingElseHappens() throws {
        var machine = receiving()
        _ = try machine.commit(cycle: 1, jobs: [])
        #expect(code { try machine.abort(cycle: 1) } == .unavailable)
        #expect(code { try machine.open(cycle: 2, parent: 1, generation: 1) } == .unavailable)
        #expect(code { try machine.commit(cycle: 1, jobs: []) } == .unavailable)
        #expect(code { try machine.begin(token: token, job: job, attempt: 1) } == .notFound)
        machine.commitFailed()
        #expect(machine.phase == .idle)
    }

    @Test func abortingWhatIsNotOpenIsHarmless() throws {
        var machine = receiving(4)
        #expect(try machine.abort(cycle: 3) == nil)
        #expect(machine.opening?.cycle == 4)
        #expect(try machine.abort(cycle: 4)?.cycle == 4)
        #expect(try machine.abort(cycle: 4) == nil)
    }
}
