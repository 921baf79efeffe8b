import Testing

@testable import ReplicationWorker

@Suite struct LeaseClockTests {
    private let start = ContinuousClock().now

    @Test func itCountsFromTheRenewalThatWasSentLast() {
        var lease = LeaseClock(duration: .seconds(10), granted: start)
        #expect(!lease.isOver(now: start + .seconds(9)))
        lease.renew(sent: start + .seconds(5))
        #expect(!lease.isOver(now: start + .seconds(14)))
        #expect(lease.isOver(now: start + .seconds(15)))
    }

    @Test func anAnswerThatComesLateDoesNotShortenIt() {
        var lease = LeaseClock(duration: .seconds(10), granted: start)
        lease.renew(sent: start + .seconds(6))
        lease.renew(sent: start + .seconds(3))
        #expect(!lease.isOver(now: start + .seconds(15)))
    }
}
