import Messages
import Testing

@testable import MessageBus

@Suite(.timeLimit(.minutes(4))) struct CreditTests {
    @Test func takingNeverGoesBelowZero() {
        var account = CreditAccount()
        #expect(account.take(1) == false)
        #expect(account.grant(10) == true)
        #expect(account.take(4) == true)
        #expect(account.take(7) == false)
        #expect(account.available == 6)
    }

    @Test(arguments: [UInt64.max, CreditAccount.ceiling + 1])
    func absurdGrantsAreRefused(bytes: UInt64) {
        var account = CreditAccount()
        #expect(account.grant(1) == true)
        #expect(account.grant(bytes) == false)
        #expect(account.available == 1)
    }

    @Test(arguments: [(1, 1024), (1024, 1024), (1025, 1025), (1 << 20, 1 << 20)])
    func everyRecordHasACost(bytes: Int, cost: Int) {
        #expect(CreditAccount.cost(ofRecordBytes: bytes) == cost)
    }

    @Test func waitersAreServedInTheirOrder() async throws {
        let gate = CreditGate(waitersLimit: 8)
        let order = AsyncStream.makeStream(of: Int.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<3 {
                group.addTask {
                    try await gate.take(100)
                    order.continuation.yield(number)
                }
                // One after the other, so that the order is known.
                try await eventually("it waits") { gate.waiting == number + 1 }
            }
            #expect(gate.grant(100))
            var iterator = order.stream.makeAsyncIterator()
            #expect(await iterator.next() == 0)
            #expect(gate.waiting == 2)
            #expect(gate.grant(250))
            try await group.waitForAll()
        }
    }

    @Test func aFailureReachesThoseWhoWaitAndThoseWhoCome() async throws {
        let gate = CreditGate(waitersLimit: 8)
        let waiting = Task { try await gate.take(1) }
        try await eventually("it waits") { gate.waiting == 1 }
        gate.fail(RemoteError(.leaseLost, "a"))
        gate.fail(RemoteError(.internal, "b"))
        await #expect(throws: RemoteError(.leaseLost, "a")) { try await waiting.value }
        await #expect(throws: RemoteError(.leaseLost, "a")) { try await gate.take(1) }
    }
}
