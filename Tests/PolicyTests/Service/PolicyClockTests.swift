import Foundation
import Testing

@testable import Policy

@Suite struct PolicyClockTests {
    @Test func `a wall clock that is set after the start is ahead, and the service's own goes on`() {
        let wall = PolicyTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
        let clock = PolicyClock(startedAt: wall + -3_600_000)
        #expect((3_600_000..<3_660_000).contains(clock.wallAhead))
        #expect(clock.now - wall < -3_500_000)
        #expect(abs(PolicyClock().wallAhead) < 60_000)
    }
}
