import Synchronization
import Testing

@testable import HostAgent

@Suite struct KeyedLockTests {
    private final class Count: Sendable {
        let inside = Atomic(0)
        let most = Atomic(0)

        func enter() { most.max(inside.add(1, ordering: .relaxed).newValue, ordering: .relaxed) }
        func leave() { inside.subtract(1, ordering: .relaxed) }
    }

    @Test func oneKeyIsHeldByOneTaskAtATime() async throws {
        let lock = KeyedLock(waitingMaximum: 200)
        let count = Count()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<100 {
                group.addTask {
                    try await lock.withLock("key") {
                        count.enter()
                        await Task.yield()
                        count.leave()
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(count.most.load(ordering: .relaxed) == 1)
    }

    @Test func tooManyWaitersAreRefused() async throws {
        let lock = KeyedLock(waitingMaximum: 0)
        try await lock.withLock("key") {
            await #expect(throws: HostAgentError.self) { try await lock.withLock("key") {} }
            try await lock.withLock("other") {}
        }
        try await lock.withLock("key") {}
    }

    @Test func anErrorLetsGo() async throws {
        let lock = KeyedLock()
        await #expect(throws: CancellationError.self) { try await lock.withLock("key") { throw CancellationError() } }
        try await lock.withLock("key") {}
    }
}

@Suite struct BellTests {
    @Test func ringingBeforeWaitingIsRememberedOnce() async {
        let bell = Bell()
        bell.ring()
        bell.ring()
        await bell.wait()
        // The second ring did not pile up: only a new one ends this wait.
        async let waiting: Void = bell.wait()
        bell.ring()
        await waiting
    }

    @Test func cancellingEndsTheWait() async {
        let bell = Bell()
        let task = Task { await bell.wait() }
        task.cancel()
        await task.value
    }
}
