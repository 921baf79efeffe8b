import Testing

@testable import HostAgent

/// Every cell of “Capture (source agent)” in Protocol.md.
@Suite struct CaptureTableTests {
    private typealias Machine = CaptureStateMachine

    private enum State: String, CaseIterable { case idle, opening, open, closing, lost }

    private enum Message: String, CaseIterable {
        case openSame = "`OpenCapture` same cycle"
        case openNewer = "`OpenCapture` newer"
        case openOlder = "`OpenCapture` older"
        case keep = "`KeepCapture`"
        case closeSame = "`CloseCapture` same cycle"
        case closeOther = "`CloseCapture` other"
        case release = "`ReleaseSource`"
        case timeOver = "time over"
    }

    private static let now = ContinuousClock().now
    private static let keep = Duration.seconds(20)
    private static let reason = "the scratch space is full"

    /// Cycle 5 upon 4, which the target holds.
    private static func order(_ cycle: UInt64) -> Machine.Order {
        Machine.Order(cycle: cycle, kind: .incremental, parent: cycle > 4 ? 4 : cycle - 1, generation: 1)
    }

    /// - Parameter isSettled: of an idle one: whether the outcome of cycle 5 was told.
    private func machine(_ state: State, isSettled: Bool = false) throws -> Machine {
        if state == .idle {
            let ledger =
                isSettled ? CheckpointLedger(acknowledged: 5) : CheckpointLedger(acknowledged: 4, candidate: 5)
            return Machine(ledger: ledger, generation: 1)
        }
        var machine = Machine(ledger: CheckpointLedger(acknowledged: 4), generation: 1)
        #expect(try machine.open(Self.order(5)) == .begin(ending: nil, keep: 4))
        if state == .opening { return machine }
        machine.began(now: Self.now, keep: Self.keep)
        switch state {
        case .idle, .opening, .open: break
        case .closing:
            _ = try machine.close(
                cycle: 5, committed: false, keepCheckpointOf: nil, generation: 1, now: Self.now)
        case .lost:
            #expect(machine.lost(cycle: 5, now: Self.now) == .close(cycle: 5, keep: 4))
            machine.closed(reason: Self.reason)
        }
        return machine
    }

    @Test func everyCellIsWhatHappens() async throws {
        try await Told.expectTable(
            "### Capture (source agent)", rows: State.self, columns: Message.self
        ) { state, message in
            switch message {
            case .openSame:
                switch state {
                case .idle:
                    "\(try open(5, in: .idle)), if its outcome was never told; else "
                        + "\(try open(5, in: .idle, isSettled: true))"
                // One protection's requests are carried out one after the other: see KeyedLockTests.
                case .opening: "waits for the one under way"
                case .open, .closing, .lost: try open(5, in: state)
                }
            case .openNewer: state == .opening ? "waits" : try open(6, in: state)
            case .openOlder: try open(3, in: state)
            case .keep: state == .opening ? "waits" : try keep(in: state)
            case .closeSame:
                switch state {
                case .idle: "\(try close(5, in: .idle)), or \(try close(5, in: .idle, isSettled: true))"
                case .opening: "waits"
                case .open, .closing, .lost: try close(5, in: state)
                }
            case .closeOther: try close(4, in: state)
            case .release: state == .opening ? "waits" : try release(in: state)
            case .timeOver: try timeOver(in: state)
            }
        }
    }

    private func open(_ cycle: UInt64, in state: State, isSettled: Bool = false) throws -> String {
        var machine = try machine(state, isSettled: isSettled)
        return Told.outcome {
            switch try machine.open(Self.order(cycle)) {
            case .answerAgain: return "the same answer again"
            case .begin(let ending, let keep):
                // Whatever happens, what the target holds keeps its checkpoint.
                #expect(keep == 4 && machine.ledger == CheckpointLedger(acknowledged: 4, candidate: cycle))
                return ending == nil ? "begins" : "ends it, begins"
            }
        }
    }

    private func keep(in state: State) throws -> String {
        var machine = try machine(state)
        do {
            try machine.keep(cycle: 5, generation: 1, now: Self.now + .seconds(10), keep: Self.keep)
            #expect(machine.expire(now: Self.now + .seconds(29)) == nil)
            return "kept"
        } catch let error as HostAgentError where error.message.contains(Self.reason) {
            return Told.outcome { throw error } + ", with the reason"
        } catch {
            return Told.outcome { throw error }
        }
    }

    private func close(_ cycle: UInt64, in state: State, isSettled: Bool = false) throws -> String {
        var machine = try machine(state, isSettled: isSettled)
        return Told.outcome {
            let action = try machine.close(
                cycle: cycle, committed: true, keepCheckpointOf: nil, generation: 1, now: Self.now)
            switch (action, state) {
            case (.nothing, _): return "–"
            case (.close(let closed, let keep), _) where closed != 5 || keep != 5: return "closes \(closed)"
            case (.close, .idle), (.close, .lost): return "settles the checkpoints"
            case (.close, .opening), (.close, .open): return "closes"
            case (.close, .closing): return "closes again"
            }
        }
    }

    /// The hypervisor takes everything of the protection away first, an open capture included.
    private func release(in state: State) throws -> String {
        var machine = try machine(state)
        machine.released()
        #expect(machine.phase == .idle && machine.ledger == CheckpointLedger() && machine.generation == 1)
        return state == .open ? "closes, clears" : "clears"
    }

    private func timeOver(in state: State) throws -> String {
        var machine = try machine(state)
        let retry = HostAgentLimits.closeRetryInterval
        switch state {
        case .open:
            #expect(machine.expire(now: Self.now + Self.keep - .milliseconds(1)) == nil)
            #expect(machine.expire(now: Self.now + Self.keep) == .close(cycle: 5, keep: 4))
            machine.closed(reason: Self.reason)
            return machine.phase == .lost(Self.order(5), reason: Self.reason) ? "closes; lost" : "closes"
        case .closing:
            #expect(machine.expire(now: Self.now + retry - .milliseconds(1)) == nil)
            for round in 1...3 { #expect(machine.expire(now: Self.now + retry * round) == .close(cycle: 5, keep: 4)) }
            return "tried again each \(retry.components.seconds) s"
        case .idle, .opening, .lost:
            return machine.expire(now: Self.now + .seconds(1_000)) == nil ? "–" : "closes"
        }
    }
}
