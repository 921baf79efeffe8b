import Foundation
import MessageBus
import Messages
import SwiftProtobuf
import Testing

@testable import Vault

/// What subscribers get, over real sockets.
@Suite(.timeLimit(.minutes(2))) struct VaultEventsTests {
    @Test func snapshotAndLaterEventsHaveEverythingOnce() async throws {
        try await VaultServiceBench.use { bench in
            let events = EventReader(try await bench.bus.subscribe(to: bench.service.endpoints.publish))
            // A subscription takes a moment to connect, so the first events may be missing: that is what the snapshot is for.
            _ = try await events.firstChange { try await bench.ask(VaultServiceBench.createSite("site\($0)")) }
            try await bench.prepare()
            let snapshot = try await bench.snapshot()
            let enabling = try await bench.protection(VaultServiceBench.protect("web"))
            let seeding = try await bench.protection(VaultServiceBench.change(enabling, to: .seeding))
            try await bench.ask(VaultServiceBench.report([], sequence: 2))

            let following = try await events.read(after: snapshot.eventNumber, count: 3)
            #expect(following.map(\.number) == (1...3).map { snapshot.eventNumber + $0 })
            #expect(following.allSatisfy { $0.epoch == snapshot.epoch })
            #expect(
                following.map(\.change) == [
                    .protection(enabling), .protection(seeding),
                    .guestRemoved(
                        .with {
                            $0.hostID = VaultFixture.primary.text
                            $0.uuid = VaultFixture.guest("web").key.uuid.text
                        }),
                ])
        }
    }

    @Test func copyThatMissedEventsTakesASnapshotAndIsWhole() async throws {
        try await VaultServiceBench.use { bench in
            try await bench.prepare()
            var tracker = EventSequenceTracker()
            let first = try await bench.snapshot()
            tracker.snapshotTaken(at: first.position)
            try await bench.ask(VaultServiceBench.createSite("lost"))

            let events = EventReader(try await bench.bus.subscribe(to: bench.service.endpoints.publish))
            // The event of "lost" itself may still be on its way when the subscription connects, and is no gap.
            let seen = try await events.firstChange(after: first.eventNumber + 1) { number in
                // Until the subscription is connected, what is published goes past it.
                try await bench.ask(VaultServiceBench.createSite("site\(number)"))
            }
            guard case .snapshotNeeded(.gap(let expected, _)) = tracker.received(seen.position, carriesChange: true)
            else { throw TestFailure("the gap was not seen") }
            #expect(expected == first.eventNumber + 1)
            let second = try await bench.snapshot()
            tracker.snapshotTaken(at: second.position)
            #expect(second.eventNumber >= seen.number)
            #expect(second.sites.contains { $0.name == "lost" })
            #expect(tracker.received(seen.position, carriesChange: true) == .old)
        }
    }

    @Test func subscriberOfARestartedVaultLearnsWhatItMissedFromTheHeartbeat() async throws {
        try await TemporaryDirectory.use { directory in
            let before = try await VaultServiceBench.use(state: directory) { bench in
                try await bench.prepare()
                return try await bench.snapshot()
            }
            try await VaultServiceBench.use(state: directory) { bench in
                let events = EventReader(try await bench.bus.subscribe(to: bench.service.endpoints.publish))
                let heartbeat = try await events.next()
                #expect(heartbeat.change == nil)
                #expect(heartbeat.number == before.eventNumber && heartbeat.epoch != before.epoch)
            }
        }
    }

    /// From a backup, or with its whole machine: it gives numbers that its subscribers know to other events.
    @Test func subscriberOfAVaultThatWasPutBackTakesASnapshot() async throws {
        try await TemporaryDirectory.use { directory in
            let (state, backup) = ("\(directory)/state", "\(directory)/backup")
            try await VaultServiceBench.use(state: state) { try await $0.prepare() }
            try FileManager.default.copyItem(atPath: state, toPath: backup)
            let known = try await VaultServiceBench.use(state: state) { bench in
                try await bench.ask(VaultServiceBench.createSite("lost"))
                return try await bench.snapshot()
            }
            var tracker = EventSequenceTracker()
            tracker.snapshotTaken(at: known.position)
            let putBack = try await VaultServiceBench.use(state: backup) { bench in
                let events = EventReader(try await bench.bus.subscribe(to: bench.service.endpoints.publish))
                return (try await events.next(), try await bench.snapshot())
            }
            #expect(tracker.received(putBack.0.position, carriesChange: false) == .snapshotNeeded(.otherEpoch))
            #expect(putBack.1.epoch == putBack.0.epoch && !putBack.1.sites.contains { $0.name == "lost" })
        }
    }

    @Test func refusedAndUnchangedRequestsPublishNothing() async throws {
        try await VaultServiceBench.use { bench in
            try await bench.prepare()
            let before = try await bench.snapshot().eventNumber
            await #expect(throws: RemoteError.self) { try await bench.ask(VaultServiceBench.protect("nobody")) }
            try await bench.ask(VaultServiceBench.report(["web"], sequence: 2))
            try await bench.ask(VaultServiceBench.report([], sequence: 1))
            try await bench.ask(VaultServiceBench.pair())
            #expect(try await bench.snapshot().eventNumber == before)
        }
    }
}

/// Reads one subscription, with a limit on every wait.
actor EventReader {
    private let subscription: EventSubscription
    private var iterator: AsyncStream<Envelope>.AsyncIterator

    init(_ subscription: EventSubscription) {
        self.subscription = subscription
        iterator = subscription.makeAsyncIterator()
    }

    func next() async throws -> VaultEvent {
        while true {
            var reading = iterator
            let envelope = await reading.next(isolation: self)
            iterator = reading
            guard let envelope else { throw TestFailure("the subscription ended") }
            if case .vaultEvent(let event) = envelope.body { return event }
        }
    }

    /// The events after a number, without heartbeats.
    func read(after number: UInt64, count: Int) async throws -> [VaultEvent] {
        var events: [VaultEvent] = []
        while events.count < count {
            let event = try await next()
            if event.change != nil, event.number > number { events.append(event) }
        }
        return events
    }

    /// The first event with a higher number that carries a change; `cause` makes one again after every event that does not.
    func firstChange(
        after past: UInt64 = 0, _ cause: @Sendable (Int) async throws -> Void
    ) async throws -> VaultEvent {
        var number = 0
        while true {
            number += 1
            try await cause(number)
            let event = try await next()
            if event.change != nil, event.number > past { return event }
        }
    }
}

extension Snapshot {
    var position: EventPosition { EventPosition(epoch: [UInt8](epoch), number: eventNumber) }
}

extension VaultEvent {
    var position: EventPosition { EventPosition(epoch: [UInt8](epoch), number: number) }
}
