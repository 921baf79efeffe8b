import Testing

@testable import MessageBus
@testable import Messages

@Suite struct DuplicateCacheTests {
    private func address(_ number: UInt8) -> ReplyAddress {
        ReplyAddress(peer: PeerIdentity([number]), hasEmptyFrame: false)
    }

    private func operation(_ number: UInt64) -> OperationIdentifier { OperationIdentifier(high: 0, low: number) }

    @Test func aNewOperationIsHandledAndItsRepetitionsJoin() {
        var cache = DuplicateCache(limits: .init())
        #expect(cache.received(operation(1), from: address(1)) == .new)
        cache.began(operation(1), for: address(1))
        #expect(cache.received(operation(1), from: address(1)) == .joined)
        #expect(cache.received(operation(1), from: address(2)) == .joined)
        #expect(cache.finished(operation(1), reply: [7], remember: true) == [address(1), address(2)])
        #expect(cache.received(operation(1), from: address(3)) == .answered([7]))
        cache.checkInvariants()
    }

    @Test func whatIsNotRememberedIsNewAgain() {
        var cache = DuplicateCache(limits: .init())
        cache.began(operation(1), for: address(1))
        _ = cache.finished(operation(1), reply: [7], remember: false)
        #expect(cache.received(operation(1), from: address(1)) == .new)
        cache.checkInvariants()
    }

    @Test func theOldestAnswersAreForgottenFirst() {
        var limits = RequestServerLimits()
        limits.rememberedReplies = 3
        var cache = DuplicateCache(limits: limits)
        for number in UInt64(1)...50 {
            cache.began(operation(number), for: address(1))
            _ = cache.finished(operation(number), reply: [UInt8(number)], remember: true)
            cache.checkInvariants()
        }
        #expect(cache.remembered == 3)
        #expect(cache.received(operation(47), from: address(1)) == .new)
        #expect(cache.received(operation(48), from: address(1)) == .answered([48]))
    }

    @Test func bytesAreBoundedAndLargeAnswersAreNotKept() {
        var limits = RequestServerLimits()
        limits.rememberedReplyBytes = 100
        var cache = DuplicateCache(limits: limits)
        for number in UInt64(1)...10 {
            cache.began(operation(number), for: address(1))
            _ = cache.finished(operation(number), reply: [UInt8](repeating: 0, count: 25), remember: true)
            cache.checkInvariants()
        }
        #expect(cache.remembered == 4)
        cache.began(operation(11), for: address(1))
        _ = cache.finished(operation(11), reply: [UInt8](repeating: 0, count: 26), remember: true)
        #expect(cache.received(operation(11), from: address(1)) == .new)
    }

    @Test func waitersAreBoundedAndTheOldestIsForgotten() {
        var limits = RequestServerLimits()
        limits.waitersPerOperation = 2
        var cache = DuplicateCache(limits: limits)
        cache.began(operation(1), for: address(1))
        _ = cache.received(operation(1), from: address(2))
        _ = cache.received(operation(1), from: address(3))
        #expect(cache.finished(operation(1), reply: [], remember: true) == [address(2), address(3)])
    }
}
