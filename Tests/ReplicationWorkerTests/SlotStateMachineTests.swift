import ReplicationWorker
import Testing

@Suite struct SlotStateMachineTests {
    private func key(_ number: Int) -> SlotStateMachine.JobKey {
        SlotStateMachine.JobKey(job: "job-\(number)", attempt: UInt32(number))
    }

    @Test func itAsksForAsManyJobsAsSlotsAreFree() {
        var machine = SlotStateMachine(slots: 2)
        #expect(machine.next == .pull(freeSlots: 2))
        #expect(machine.pulled(key(1)) == .start)
        #expect(machine.next == .pull(freeSlots: 1))
        #expect(machine.pulled(key(2)) == .start)
        #expect(machine.next == .waitForSlot)
        machine.ended(key(1))
        #expect(machine.next == .pull(freeSlots: 1))
    }

    @Test func aLeaseAnsweredTwiceIsStartedOnce() {
        var machine = SlotStateMachine(slots: 2)
        #expect(machine.pulled(key(1)) == .start)
        #expect(machine.pulled(key(1)) == .ignore)
    }

    @Test func moreJobsThanSlotsAreGivenBack() {
        var machine = SlotStateMachine(slots: 1)
        #expect(machine.pulled(key(1)) == .start)
        #expect(machine.pulled(key(2)) == .giveBack)
    }

    @Test func stoppingDrainsAndThenStops() {
        var machine = SlotStateMachine(slots: 2)
        #expect(machine.pulled(key(1)) == .start)
        machine.stop()
        #expect(machine.next == .drain([key(1)]))
        #expect(machine.pulled(key(2)) == .giveBack)
        machine.ended(key(1))
        #expect(machine.next == .stop)
        #expect(machine.pulled(key(3)) == .giveBack)
    }

    @Test func stoppingWithoutJobsStopsAtOnce() {
        var machine = SlotStateMachine(slots: 2)
        machine.stop()
        machine.stop()
        #expect(machine.next == .stop)
    }
}
