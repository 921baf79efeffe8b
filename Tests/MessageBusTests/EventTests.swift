import FoundationEssentials
import MessageBus
import Messages
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(4))) struct EventTests {
    private static let epoch = [UInt8](repeating: 1, count: 16)

    @Test func eventsArriveInOrder() async throws {
        try await withBus { bus in
            let publisher = try await bus.publisher(at: anyPort, limits: Self.quickHeartbeats)
            let subscription = try await bus.subscribe(to: publisher.endpoint)
            try await eventually("the subscription is there") { await subscription.liveness == .alive }
            for number in UInt64(1)...100 { await publisher.publish(.vaultEvent(Self.event(number))) }
            var numbers: [UInt64] = []
            for await envelope in subscription {
                if envelope.vaultEvent.change == nil { continue }
                numbers.append(envelope.vaultEvent.number)
                if numbers.count == 100 { break }
            }
            #expect(numbers == Array(1...100))
        }
    }

    @Test func heartbeatsRepeatTheNewestNumber() async throws {
        try await withBus { bus in
            let publisher = try await bus.publisher(
                at: anyPort, position: EventPosition(epoch: Self.epoch, number: 41), limits: Self.quickHeartbeats)
            let subscription = try await bus.subscribe(to: publisher.endpoint)
            for await envelope in subscription {
                #expect(EventPosition(envelope.vaultEvent) == EventPosition(epoch: Self.epoch, number: 41))
                #expect(envelope.vaultEvent.change == nil)
                break
            }
        }
    }

    @Test func aFollowerTakesASnapshotThenChangesAndRecoversFromAGap() async throws {
        try await withBus { bus in
            let publisher = try await bus.publisher(at: anyPort, limits: Self.quickHeartbeats)
            let subscription = try await bus.subscribe(to: publisher.endpoint)
            let state = Mutex((snapshotNumber: UInt64(0), snapshots: 0, applied: [UInt64]()))
            let follower = EventFollower(subscription, logger: quietLogger)
            let run = Task {
                try await follower.run {
                    state.withLock {
                        $0.snapshots += 1
                        return EventPosition(epoch: Self.epoch, number: $0.snapshotNumber)
                    }
                } apply: { event in
                    state.withLock { $0.applied.append(event.number) }
                }
            }
            try await eventually("the subscription is there") { await subscription.liveness == .alive }
            await publisher.publish(.vaultEvent(Self.event(1)))
            await publisher.publish(.vaultEvent(Self.event(2)))
            try await eventually("both are applied") { state.withLock { $0.applied } == [1, 2] }
            // 3 is lost; the snapshot that is taken at 4 holds both.
            state.withLock { $0.snapshotNumber = 4 }
            await publisher.publish(.vaultEvent(Self.event(4)))
            await publisher.publish(.vaultEvent(Self.event(5)))
            try await eventually("5 is applied") { state.withLock { $0.applied } == [1, 2, 5] }
            #expect(state.withLock { $0.snapshots } == 2)
            await subscription.close()
            try await run.value
        }
    }

    @Test func aLostLastEventIsNoticedByTheHeartbeat() async throws {
        try await withBus { bus in
            let publisher = try await bus.publisher(
                at: anyPort, position: EventPosition(epoch: Self.epoch, number: 3), limits: Self.quickHeartbeats)
            let subscription = try await bus.subscribe(to: publisher.endpoint)
            let positions = Mutex([EventPosition(epoch: Self.epoch, number: 2)])
            let snapshots = Mutex(0)
            let run = Task {
                try await EventFollower(subscription, logger: quietLogger).run {
                    snapshots.withLock { $0 += 1 }
                    let position = positions.withLock { $0[$0.count - 1] }
                    positions.withLock { $0.append(EventPosition(epoch: Self.epoch, number: 3)) }
                    return position
                } apply: { _ in
                }
            }
            try await eventually("a second snapshot is taken") { snapshots.withLock { $0 } == 2 }
            await subscription.close()
            try await run.value
        }
    }

    @Test func aSnapshotThatFailsIsTakenAgain() async throws {
        try await withBus { bus in
            let publisher = try await bus.publisher(at: anyPort)
            let subscription = try await bus.subscribe(to: publisher.endpoint)
            let tries = Atomic(0)
            let follower = EventFollower(subscription, logger: quietLogger, retryInterval: .milliseconds(1))
            let run = Task {
                try await follower.run {
                    if tries.add(1, ordering: .relaxed).newValue < 3 {
                        throw RemoteError(.unavailable, "Away.")
                    }
                    return EventPosition(epoch: Self.epoch, number: 0)
                } apply: { _ in
                }
            }
            try await eventually("the third try succeeds") { tries.load(ordering: .relaxed) == 3 }
            await subscription.close()
            try await run.value
        }
    }

    @Test func whatIsNotAnEventIsCountedAndDropped() async throws {
        try await withBus { bus in
            let peer = try RawSocket(.publisher, bindingTo: anyPort)
            defer { peer.close() }
            let subscription = try await bus.subscribe(to: peer.endpoint)
            var rounds: UInt64 = 0
            func sendRound() {
                rounds += 1
                let good = Envelope.unsolicited(.vaultEvent(Self.event(rounds)), sender: "x")
                var wrongVersion = good
                wrongVersion.protocolVersion = 2
                peer.send([[0xff]])
                peer.send([good.encoded(), good.encoded()])
                peer.send([wrongVersion.encoded()])
                peer.send([Envelope.unsolicited(answer(1), sender: "x").encoded()])
                peer.send([good.encoded()])
            }
            // What a PUB sends goes nowhere until the subscription has reached it, which may be within a round.
            try await eventually("an event arrived") {
                sendRound()
                return await subscription.statistics.received > 0
            }
            var events = subscription.makeAsyncIterator()
            let first = try #require(await events.next()).vaultEvent.number
            for _ in 0..<8 { sendRound() }
            try await eventually("all rounds arrived") { await subscription.statistics.received == rounds - first + 1 }
            let whole = 4 * (rounds - first)
            #expect((whole...whole + 4).contains(await subscription.statistics.malformed))
            let second = try #require(await events.next()).vaultEvent.number
            #expect(second == first + 1)
        }
    }

    @Test func aSlowReaderLosesTheOldest() async throws {
        try await withBus { bus in
            var limits = SubscriberLimits()
            limits.envelopesWaiting = 4
            let publisher = try await bus.publisher(at: anyPort, limits: Self.quickHeartbeats)
            let subscription = try await bus.subscribe(to: publisher.endpoint, limits: limits)
            try await eventually("the subscription is there") { await subscription.liveness == .alive }
            for number in UInt64(1)...20 { await publisher.publish(.vaultEvent(Self.event(number))) }
            try await eventually("all arrived") { await subscription.statistics.received >= 20 }
            #expect(await subscription.statistics.dropped >= 16)
            var numbers: [UInt64] = []
            for await envelope in subscription {
                numbers.append(envelope.vaultEvent.number)
                if numbers.last == 20 { break }
            }
            #expect(numbers[0] > 1)
            #expect(numbers == numbers.sorted())
        }
    }

    private static var quickHeartbeats: PublisherLimits {
        var limits = PublisherLimits()
        limits.heartbeatInterval = .milliseconds(20)
        return limits
    }

    private static func event(_ number: UInt64) -> VaultEvent {
        var event = VaultEvent(position: EventPosition(epoch: epoch, number: number))
        event.siteRemoved = "s"
        return event
    }
}
