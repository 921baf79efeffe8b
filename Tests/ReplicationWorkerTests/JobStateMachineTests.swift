import ReplicationWorker
import Testing

@Suite struct JobStateMachineTests {
    private let fault = JobFault(.sourceUnreadable, "the disk is gone")

    @Test func theFirstEndCounts() {
        var machine = JobStateMachine()
        let totals = JobStateMachine.Totals()
        #expect(machine.stored(digest: [1], totals: totals) == .report(.finished(digest: [1], totals)))
        #expect(machine.failed(fault) == .nothing)
        #expect(machine.abandoned(reason: "late") == .nothing)
        machine.reported()
        #expect(machine.phase == .ended(.finished(digest: [1], totals)))
    }

    @Test func aFailureIsReported() {
        var machine = JobStateMachine()
        #expect(machine.failed(fault) == .report(.failed(fault)))
        #expect(machine.phase == .reporting(.failed(fault)))
    }

    @Test func anAbandonedAttemptIsNotReported() {
        var machine = JobStateMachine()
        #expect(machine.abandoned(reason: "lost") == .drop(.abandoned(reason: "lost")))
        #expect(machine.stored(digest: [1], totals: .init()) == .nothing)
        #expect(machine.phase == .ended(.abandoned(reason: "lost")))
    }
}
