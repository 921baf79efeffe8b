import Testing

@testable import Hypervisor

struct CaptureStateMachineTests {
    private let failure = HypervisorError(.operationFailed, "it failed")

    @Test func withoutFreezingItBeginsAndCounts() {
        var machine = CaptureStateMachine(freezes: false)
        #expect(machine.handle(.start).name == "begin")
        #expect(machine.handle(.begun).name == "count")
        #expect(machine.handle(.counted).name == "open crash")
    }

    @Test func frozenInTimeIsApplicationConsistent() {
        var machine = CaptureStateMachine(freezes: true)
        #expect(machine.handle(.start).name == "freeze")
        #expect(machine.handle(.frozen).name == "begin")
        #expect(machine.handle(.begun).name == "thaw")
        #expect(machine.handle(.thawed).name == "count")
        #expect(machine.handle(.counted).name == "open application")
    }

    @Test func aLimitThatPassesBeforeTheInstantIsCertainMakesItCrashConsistent() {
        var machine = CaptureStateMachine(freezes: true)
        _ = machine.handle(.start)
        _ = machine.handle(.frozen)
        #expect(machine.handle(.limitPassed).name == "wait")
        #expect(machine.handle(.begun).name == "thaw")
        #expect(machine.handle(.thawed).name == "count")
        #expect(machine.handle(.counted).name == "open crash")
    }

    @Test func aFreezeThatFailsIsThawedBeforeTheBackupBegins() {
        var machine = CaptureStateMachine(freezes: true)
        _ = machine.handle(.start)
        #expect(machine.handle(.freezeFailed("the agent hangs")).name == "thaw")
        #expect(machine.handle(.thawed).name == "begin")
        #expect(machine.handle(.begun).name == "count")
        guard case .reportOpen(.crash, let note) = machine.handle(.counted) else {
            Issue.record("it opens")
            return
        }
        #expect(note.contains("the agent hangs"))
    }

    @Test func aBackupThatFailsIsThawedAndReported() {
        var machine = CaptureStateMachine(freezes: true)
        _ = machine.handle(.start)
        _ = machine.handle(.frozen)
        #expect(machine.handle(.beginFailed(failure)).name == "thaw")
        #expect(machine.handle(.thawed).name == "failure")
    }

    /// Walks every path of events that can follow the actions and checks the invariants on each.
    @Test(arguments: [false, true]) func everyPathThawsAndUndoes(freezes: Bool) {
        var paths = 0
        func walk(_ machine: CaptureStateMachine, _ event: CaptureStateMachine.Event, _ seen: Seen) {
            var machine = machine
            var seen = seen
            let action = machine.handle(event)
            seen.note(event, action)
            let next: [CaptureStateMachine.Event]
            switch action {
            case .freeze: next = [.frozen, .freezeFailed("")]
            case .begin:
                next = [.begun, .beginFailed(failure)]
                if !seen.limitPassed {
                    var limited = machine
                    var after = seen
                    let waits = limited.handle(.limitPassed)
                    after.note(.limitPassed, waits)
                    #expect(waits.name == "wait")
                    for event in next { walk(limited, event, after) }
                }
            case .thaw: next = [.thawed, .thawFailed(failure)]
            case .count: next = [.counted, .countFailed(failure)]
            case .undo: next = [.undone]
            case .reportOpen(let consistency, _):
                paths += 1
                #expect(!seen.mayBeFrozen && seen.isBegun)
                #expect(consistency == .crash || (seen.wasFrozenForCertain && !seen.limitPassed))
                return
            case .reportFailure:
                paths += 1
                #expect(!seen.mayBeFrozen || seen.triedToThaw)
                #expect(!seen.isBegun || seen.isUndone)
                return
            case .wait: next = []
            }
            for event in next { walk(machine, event, seen) }
        }
        walk(CaptureStateMachine(freezes: freezes), .start, Seen())
        #expect(paths > (freezes ? 15 : 4))
    }

    private struct Seen {
        var mayBeFrozen = false
        var wasFrozenForCertain = false
        var limitPassed = false
        var triedToThaw = false
        var isBegun = false
        var isUndone = false

        mutating func note(_ event: CaptureStateMachine.Event, _ action: CaptureStateMachine.Action) {
            switch event {
            case .frozen: wasFrozenForCertain = true
            case .limitPassed: limitPassed = true
            case .begun: isBegun = true
            case .thawed: mayBeFrozen = false
            case .undone: isUndone = true
            case .start, .freezeFailed, .beginFailed, .thawFailed, .counted, .countFailed: break
            }
            switch action {
            case .freeze: mayBeFrozen = true
            case .thaw: triedToThaw = true
            case .begin, .count, .undo, .reportOpen, .reportFailure, .wait: break
            }
        }
    }
}

extension CaptureStateMachine.Action {
    fileprivate var name: String {
        switch self {
        case .freeze: "freeze"
        case .begin: "begin"
        case .thaw: "thaw"
        case .count: "count"
        case .undo: "undo"
        case .reportOpen(let consistency, _): "open \(consistency.rawValue)"
        case .reportFailure: "failure"
        case .wait: "wait"
        }
    }
}
