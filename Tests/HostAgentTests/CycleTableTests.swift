import Testing

@testable import HostAgent

/// Every cell of “Cycle (target agent)” in Protocol.md. What a cell says of the replica itself is the replica's.
@Suite struct CycleTableTests {
    private enum State: String, CaseIterable {
        case idle
        case fresh = "receiving, nothing sent yet"
        case receiving, committing
    }

    private enum Message: String, CaseIterable {
        case openSame = "`OpenCycle` same"
        case openNewer = "`OpenCycle` newer"
        case openOlder = "`OpenCycle` older"
        case hello
        case commitSame = "`CommitCycle` same"
        case commitOther = "`CommitCycle` other"
        case abort = "`AbortCycle`"
        case delete = "`DeleteReplica`"
    }

    private static let token = [UInt8](repeating: 7, count: 16)
    private static let digest = [UInt8](repeating: 9, count: 32)
    private static let opening = CycleStateMachine.Opening(cycle: 5, parent: 4, generation: 1, token: token)

    private static func job(_ number: UInt8) -> [UInt8] { [UInt8](repeating: number, count: 16) }

    /// Attempt 1 came in whole; attempt 2 did not.
    private func machine(_ state: State) throws -> CycleStateMachine {
        var machine = CycleStateMachine()
        if state == .idle { return machine }
        machine.opened(Self.opening)
        if state == .fresh { return machine }
        try machine.begin(token: Self.token, job: Self.job(1), attempt: 1)
        try machine.finish(token: Self.token, attempt: 1, digest: Self.digest, storedBytes: 10)
        try machine.begin(token: Self.token, job: Self.job(2), attempt: 2)
        if state == .committing { _ = try machine.commit(cycle: 5, jobs: [stored(1)]) }
        return machine
    }

    private func stored(_ attempt: UInt32, digest: [UInt8] = digest) -> CycleStateMachine.StoredJob {
        .init(job: Self.job(UInt8(attempt)), attempt: attempt, digest: digest)
    }

    @Test func everyCellIsWhatHappens() async throws {
        try await Told.expectTable(
            "### Cycle (target agent)", rows: State.self, columns: Message.self
        ) { state, message in
            switch message {
            case .openSame:
                switch state {
                case .idle: "\(try open(5, in: state)); wrong parent: `WRONG_PARENT`; held already: refused"
                case .receiving: "\(try open(5, in: state)) with a new token and key"
                case .fresh, .committing: try open(5, in: state)
                }
            case .openNewer: try open(6, in: state)
            case .openOlder:
                // Nothing is open that could be newer: the replica knows which cycle it holds.
                state == .idle
                    ? try open(4, in: state).replacing("opens", with: "refused by the replica")
                    : try open(4, in: state)
            case .hello: try hello(in: state)
            case .commitSame:
                switch state {
                // One that is held is answered before it comes here.
                case .idle: "held: the same answer; else \(try commit(5, [], in: state))"
                case .receiving:
                    "every job whole and of the digest named: \(try commit(5, [stored(1)], in: state)); else "
                        + "\(try commit(5, [stored(1), stored(2)], in: state)), "
                        + "\(try commit(5, [stored(1, digest: Self.token)], in: state))"
                case .fresh, .committing: try commit(5, [], in: state)
                }
            case .commitOther: try commit(6, [], in: state)
            case .abort: try abort(5, in: state) ?? "–"
            case .delete: try abort(nil, in: state).map { $0.hasPrefix("`") ? $0 : "\($0), deletes" } ?? "deletes"
            }
        }
    }

    private func open(_ cycle: UInt64, in state: State) throws -> String {
        let machine = try machine(state)
        return Told.outcome {
            switch try machine.open(cycle: cycle, parent: 4, generation: 1) {
            case .answerAgain(let opening):
                #expect(opening == Self.opening)
                return "the same answer again"
            case .open(let discarded):
                #expect(discarded == nil || discarded == Self.opening)
                return discarded == nil ? "opens" : "throws away, opens"
            }
        }
    }

    private func hello(in state: State) throws -> String {
        func answer(_ attempt: UInt32) throws -> String {
            var machine = try machine(state)
            let outcome = Told.outcome {
                try machine.begin(token: Self.token, job: Self.job(9), attempt: attempt)
                return "welcome"
            }
            return outcome.hasPrefix("`") ? "refused \(outcome)" : outcome
        }
        let (fresh, used) = (try answer(9), try answer(1))
        return fresh == used ? fresh : "\(fresh); used attempt: \(used)"
    }

    private func commit(_ cycle: UInt64, _ jobs: [CycleStateMachine.StoredJob], in state: State) throws -> String {
        var machine = try machine(state)
        return Told.outcome {
            let attempts = try machine.commit(cycle: cycle, jobs: jobs)
            #expect(attempts == jobs.map(\.attempt))
            #expect(machine.phase == .committing(Self.opening))
            return "commits"
        }
    }

    /// - Parameter cycle: nil: whatever is open.
    /// - Returns: nil: there was nothing.
    private func abort(_ cycle: UInt64?, in state: State) throws -> String? {
        var machine = try machine(state)
        let outcome = Told.outcome { try machine.abort(cycle: cycle) == Self.opening ? "throws away" : "–" }
        #expect(machine.phase == (state == .committing ? .committing(Self.opening) : .idle))
        return outcome == "–" ? nil : outcome
    }

    /// Of another cycle than the open one: the sentence below the table.
    @Test func abortingAnotherCycleChangesNothing() throws {
        for state in [State.fresh, .receiving] {
            var machine = try machine(state)
            let before = machine.phase
            #expect(try machine.abort(cycle: 4) == nil)
            #expect(try machine.abort(cycle: 6) == nil)
            #expect(machine.phase == before)
        }
    }
}
