import Testing

@testable import Hypervisor

@Suite struct GuestRunTests {
    private let off = GuestRun(number: nil, isEnding: false)
    private let running = GuestRun(number: 3, isEnding: false)
    private let ending = GuestRun(number: 3, isEnding: true)
    private let next = GuestRun(number: 4, isEnding: false)

    @Test func whatWasFoundHoldsOfAGuestThatStayedWhatItWas() {
        for run in [off, running] { #expect(run.holds(until: run)) }
    }

    @Test func whatWasFoundWhileAGuestCameOrWentDoesNotHold() {
        let all = [off, running, ending, next]
        for before in all {
            for after in all where before != after { #expect(!before.holds(until: after)) }
        }
        #expect(!ending.holds(until: ending), "QEMU closes its images all the time")
    }

    @Test func qemuAnswersOnlyForAGuestThatGoesOn() {
        #expect([off, running, ending, next].map(\.isRunning) == [false, true, false, true])
    }
}
