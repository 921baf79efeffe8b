import Testing

@testable import Policy

@Suite struct StateReconcilerTests {
    let now = Samples.start

    func machine(
        _ state: ProtectionEntry.State, need: CycleNeed = .incremental, version: UInt64 = 4
    ) -> CycleStateMachine {
        var progress = Samples.progress()
        progress.need = need
        return CycleStateMachine(
            entry: Samples.entry(state, version: version), binding: .known(Samples.settings()), progress: progress,
            now: now)
    }

    /// Over every combination: each step is one that the vault's table allows.
    @Test func `steps are legal and lead to what is wanted`() {
        for from in ProtectionEntry.State.allCases {
            for wanted in [ProtectionEntry.State.seeding, .protected, .resynchronizing] {
                var state = from
                for _ in 0..<4 {
                    guard let next = StateReconciler.step(from: state, to: wanted) else { break }
                    switch (state, next) {
                    case (.enabling, .seeding), (.seeding, .protected), (.protected, .resynchronizing),
                        (.resynchronizing, .protected), (.reversing, .protected):
                        state = next
                    case (_, _):
                        Issue.record("illegal step from \(state) to \(next)")
                        return
                    }
                }
                switch from {
                case .paused, .disabling, .failingOver, .commitPending, .committed: #expect(state == from)
                case .enabling, .seeding, .protected, .resynchronizing, .reversing:
                    #expect(state == wanted || wanted == .seeding)
                }
            }
        }
    }

    @Test func `the version that was read is given, one question at a time`() {
        var reconciler = StateReconciler()
        let machine = machine(.seeding)
        let call = reconciler.next(for: machine, now: now)
        #expect(call == .changeState(Samples.protection, expectedVersion: 4, .protected, reason: ""))
        let held = reconciler.next(for: machine, now: now)
        #expect(held == nil)
    }

    @Test func `a failure waits, a newer copy does not`() throws {
        var reconciler = StateReconciler()
        let asked = reconciler.next(for: machine(.seeding), now: now)
        let call = try #require(asked)
        reconciler.failed(call, now: now)
        let held = reconciler.next(for: machine(.seeding), now: now)
        #expect(held == nil)
        #expect(reconciler.wakesAt == now + 1_000)
        let asked2 = reconciler.next(for: machine(.seeding, version: 5), now: now)
        #expect(asked2 != nil)
    }

    @Test func `its own resync is known as its own, until it is settled`() throws {
        var reconciler = StateReconciler()
        let machine = machine(.protected, need: .compare(reason: "bitmap lost"))
        let asked = reconciler.next(for: machine, now: now)
        let call = try #require(asked)
        #expect(call == .changeState(Samples.protection, expectedVersion: 4, .resynchronizing, reason: "bitmap lost"))
        #expect(reconciler.isOwnResync(Samples.protection))
        reconciler.succeeded(call)
        #expect(!reconciler.isOwnResync(Samples.protection))
    }

    @Test func `a long reason is cut to one line that the vault takes`() {
        let line = StateReconciler.oneLine("first\nsecond " + String(repeating: "ü", count: 400))
        #expect(line.hasPrefix("first second ü"))
        #expect(line.utf8.count <= PolicyLimits.stateReasonBytesMaximum)
        #expect(StateReconciler.oneLine("short") == "short")
    }

    @Test func `an operator's pause is left alone`() {
        var reconciler = StateReconciler()
        let held = reconciler.next(for: machine(.paused), now: now)
        #expect(held == nil)
    }

    @Test func `no more than the limit are asked at once`() {
        var reconciler = StateReconciler()
        var asked = 0
        for number in 0..<50 {
            let entry = Samples.entry(.seeding, id: ProtectionIdentifier("p\(number)"))
            var progress = ProtectionProgress(protection: entry.id)
            progress.lastNumber = 1
            progress.parent = 1
            progress.need = .incremental
            let machine = CycleStateMachine(
                entry: entry, binding: .known(Samples.settings()), progress: progress, now: now)
            if reconciler.next(for: machine, now: now) != nil { asked += 1 }
        }
        #expect(asked == PolicyLimits.vaultCallsMaximum)
    }
}
