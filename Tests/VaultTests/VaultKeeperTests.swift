import Foundation
import Logging
import Synchronization
import Testing

@testable import Vault

struct VaultKeeperTests {
    @Test func eventsAreNumberedAndFollowTheAnswer() async throws {
        let bench = try KeeperBench()
        try await bench.pair()
        let before = bench.published().last?.number ?? 0
        _ = try await bench.ask(.createSite(Site(name: "munich")))
        #expect(bench.published() == [NumberedChange(number: before + 1, change: .site(Site(name: "munich")))])
        guard case .new(.snapshot(let snapshot)) = try await bench.ask(.getSnapshot) else {
            throw TestFailure("another answer")
        }
        #expect(snapshot.lastEventNumber == before + 1)
        #expect(snapshot == (try bench.store.load()))
    }

    @Test func repeatedCommandIsAnsweredAgainAndNotDoneAgain() async throws {
        let bench = try KeeperBench()
        let operation = [UInt8](repeating: 4, count: 16)
        let request = RegistryRequest.createSite(Site(name: "berlin"))
        #expect(try await bench.ask(request, operation: operation) == .new(.done))
        _ = bench.published()
        for bench in [bench, try bench.restarted()] {
            #expect(try await bench.ask(request, operation: operation) == .repeated(VaultAnswer.done.encoded))
            #expect(bench.published().isEmpty)
            await #expect(throws: VaultError.self) { try await bench.ask(request) }
        }
    }

    @Test func refusalIsNotRememberedAndMayPassLater() async throws {
        let bench = try KeeperBench()
        let operation = [UInt8](repeating: 4, count: 16)
        let request = RegistryRequest.createCloud(Cloud(name: "gold", site: "berlin"))
        await #expect(throws: VaultError.self) { try await bench.ask(request, operation: operation) }
        _ = try await bench.ask(.createSite(Site(name: "berlin")))
        #expect(try await bench.ask(request, operation: operation) == .new(.done))
    }

    @Test func numberingContinuesAfterARestart() async throws {
        let bench = try KeeperBench()
        try await bench.pair()
        let last = try bench.store.load().lastEventNumber
        let restarted = try bench.restarted()
        #expect(restarted.keeper.startEventNumber == last && restarted.keeper.epoch == bench.keeper.epoch)
        _ = try await restarted.ask(.createSite(Site(name: "munich")))
        #expect(restarted.published().map(\.number) == [last + 1])
    }

    @Test func fullDiskRefusesChangesNothingAndEndsByItself() async throws {
        let bench = try KeeperBench()
        let full = VaultError(.resourceExhausted, "The disk of the vault's database is full.", remedy: "Free space.")
        bench.store.failCommits(with: full)
        let refusal = await #expect(throws: VaultError.self) {
            try await bench.ask(.createSite(Site(name: "berlin")))
        }
        #expect(refusal == full)
        #expect(await bench.keeper.health().level == .critical)
        #expect(bench.published().isEmpty)
        guard case .new(.snapshot(let snapshot)) = try await bench.ask(.getSnapshot) else {
            throw TestFailure("another answer")
        }
        #expect(snapshot.registry == Registry())

        bench.store.failCommits(with: nil)
        _ = try await bench.ask(.createSite(Site(name: "berlin")))
        #expect(bench.published().map(\.number) == [1])
        #expect(await bench.keeper.health().level == .normal)
    }

    @Test func healthSaysThatNothingCanBeStoredUntilSomethingIs() async throws {
        let bench = try KeeperBench()
        try await bench.pair()
        let full = VaultError(.resourceExhausted, "The disk of the vault's database is full.", remedy: "Free space.")
        bench.store.failCommits(with: full)
        await #expect(throws: full) { try await bench.ask(.createSite(Site(name: "berlin"))) }
        // What needs no write is answered meanwhile, and says nothing about the disk.
        for _ in 0..<3 {
            try await bench.keeper.checkSilence()
            _ = try await bench.ask(.getSnapshot)
            #expect(await bench.keeper.health() == VaultHealth(failure: full))
        }
        bench.store.failCommits(with: nil)
        try await bench.keeper.checkSilence()
        #expect(await bench.keeper.health().level == .normal)
        let newest = try #require(try bench.store.audit(limit: 1, before: nil).first?.entry)
        #expect(newest.action == "store" && newest.actor == "vault" && newest.outcome.contains(full.message))
        try await bench.keeper.checkSilence()
        #expect(try bench.store.audit(limit: 1, before: nil).first?.entry == newest)
    }

    @Test func healthSaysThatARefusalCouldNotBeAudited() async throws {
        let bench = try KeeperBench()
        let full = VaultError(.resourceExhausted, "The disk of the vault's database is full.", remedy: "Free space.")
        bench.store.failCommits(with: full)
        let refusal = await #expect(throws: VaultError.self) { try await bench.ask(.deleteSite(name: "berlin")) }
        #expect(refusal?.code == .notFound)
        #expect(await bench.keeper.health() == VaultHealth(failure: full))
    }

    @Test func everyCommandIsAuditedUnderItsNameDoneOrRefused() async throws {
        let bench = try KeeperBench()
        try await bench.pair()
        try await bench.report([VaultFixture.guest("web")])
        let version = ExpectedVersion.any
        let commands: [RegistryRequest] = [
            .createSite(Site(name: "s")), .createCloud(Cloud(name: "c", site: "s")), .deleteCloud(name: "c"),
            .deleteSite(name: "s"), .pairClouds(VaultFixture.pair(policy: "silver")),
            .registerHost(VaultFixture.registration(VaultFixture.identifier(3), "third")),
            .removeHost(id: VaultFixture.identifier(3)), .protect(VaultFixture.protect("web")),
            .protectCloud(sourceCloud: "primary-cloud", targetCloud: nil), VaultFixture.change(to: .seeding),
            .setPolicyOverride(protection: "web", expectedVersion: version, policy: "gold"),
            .unprotect(protection: "web", fate: .delete),
            .confirmUnprotected(protection: "web", expectedVersion: version), .unpairClouds(VaultFixture.pair().key),
        ]
        for command in commands {
            _ = try await bench.ask(command)
            let newest = try #require(try bench.store.audit(limit: 1, before: nil).first?.entry)
            #expect(newest.action == command.action && newest.actor == "tester")
            #expect(newest.outcome.hasPrefix("done"), "\(command.action)")
        }
        let refused = commands[13]
        await #expect(throws: VaultError.self) { try await bench.ask(refused) }
        let newest = try #require(try bench.store.audit(limit: 1, before: nil).first?.entry)
        #expect(newest.action == "unpair_clouds" && newest.outcome.contains("not paired"))
        #expect(newest.subject == "primary-cloud → secondary-cloud")
    }

    @Test func reportsAndQuestionsAreNotAudited() async throws {
        let bench = try KeeperBench()
        try await bench.pair()
        let before = try bench.store.audit(limit: 1, before: nil).first?.number
        try await bench.report([VaultFixture.guest("web")])
        let unknown = InventoryReport(
            hostID: VaultFixture.identifier(9), sequence: 1, capacity: .unknown, guests: [])
        await #expect(throws: VaultError.self) { try await bench.ask(.reportInventory(unknown)) }
        _ = try await bench.ask(.listAudit(limit: 1, before: nil))
        #expect(try bench.store.audit(limit: 1, before: nil).first?.number == before)
    }

    @Test func silenceIsStoredAndPublishedAndHealthNamesTheHost() async throws {
        let bench = try KeeperBench()
        try await bench.pair()
        _ = bench.published()
        bench.clock.pass(milliseconds: VaultLimits.hostSilenceMilliseconds)
        try await bench.keeper.checkSilence()
        #expect(bench.published().map(\.change.kind) == ["host", "host"])
        let health = await bench.keeper.health()
        #expect(health.level == .warning && health.details.contains("Host primary does not report."))
        let restarted = try bench.restarted()
        #expect(await restarted.keeper.health().level == .warning)
    }

    @Test func unboundedListIsRefused() async throws {
        let bench = try KeeperBench()
        let error = await #expect(throws: VaultError.self) {
            try await bench.ask(.listAudit(limit: VaultLimits.maximumAuditEntriesPerReply + 1, before: nil))
        }
        #expect(error?.code == .invalidArgument)
    }

    @Test func controlCharactersOfARefusedNameDoNotReachTheAudit() async throws {
        let bench = try KeeperBench()
        await #expect(throws: VaultError.self) { try await bench.ask(.createSite(Site(name: "a\nb\u{1B}[2J"))) }
        let entry = try #require(try bench.store.audit(limit: 1, before: nil).first?.entry)
        #expect(entry.subject == "a\u{FFFD}b\u{FFFD}[2J")
        #expect(!entry.outcome.unicodeScalars.contains { $0.properties.generalCategory == .control })
    }
}

/// A clock that stands until it is moved.
final class StandingClock: VaultClock {
    private let moment = Mutex(VaultMoment(unixMilliseconds: 1_800_000_000_000, uptimeMilliseconds: 1_000))

    func now() -> VaultMoment { moment.withLock { $0 } }

    func pass(milliseconds: UInt64) {
        moment.withLock {
            $0.unixMilliseconds += Int64(milliseconds)
            $0.uptimeMilliseconds += milliseconds
        }
    }
}

/// A keeper on a store in memory, with what it publishes.
struct KeeperBench {
    let store: MemoryVaultStore
    let clock: StandingClock
    let keeper: VaultKeeper
    private let events: PublishedEvents

    init() throws {
        try self.init(store: MemoryVaultStore(epoch: [UInt8](repeating: 9, count: 16)), clock: StandingClock())
    }

    private init(store: MemoryVaultStore, clock: StandingClock) throws {
        self.store = store
        self.clock = clock
        events = PublishedEvents()
        keeper = try VaultKeeper(
            store: store, clock: clock, events: events, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// A new keeper on the same store, as after a crash.
    func restarted() throws -> KeeperBench { try KeeperBench(store: store, clock: clock) }

    /// What was published since the last call.
    func published() -> [NumberedChange] { events.take() }

    func ask(_ request: RegistryRequest, operation: [UInt8]? = nil) async throws -> KeptAnswer {
        let operation = operation ?? (0..<16).map { _ in UInt8.random(in: .min ... .max) }
        return try await keeper.handle(
            request, from: RequestOrigin(actor: "tester", generation: 0, operation: operation))
    }

    func pair() async throws {
        _ = try await ask(.registerHost(VaultFixture.registration(VaultFixture.primary, "primary")))
        _ = try await ask(.registerHost(VaultFixture.registration(VaultFixture.secondary, "secondary")))
        _ = try await ask(.pairClouds(VaultFixture.pair()))
    }

    func report(_ guests: [Guest]) async throws {
        let report = InventoryReport(
            hostID: VaultFixture.primary, sequence: 1, capacity: VaultFixture.capacity(), guests: guests)
        _ = try await ask(.reportInventory(report))
    }
}

private final class PublishedEvents: EventOutlet {
    private let changes = Mutex<[NumberedChange]>([])

    func publish(_ change: NumberedChange) { changes.withLock { $0.append(change) } }

    func take() -> [NumberedChange] {
        changes.withLock { changes in
            defer { changes = [] }
            return changes
        }
    }
}
