import Foundation
import Testing

@testable import Policy

/// What every store must do.
@Suite struct PolicyStoreTests {
    enum Kind: CaseIterable, Sendable { case memory, database }

    /// A store, and a way to open it again as after a restart.
    struct Fixture {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
            "bsc-\(UUID().uuidString.prefix(8))")
        let kind: Kind
        let memory = MemoryPolicyStore()

        init(_ kind: Kind) throws {
            self.kind = kind
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        }

        func open() throws -> any PolicyStore {
            switch kind {
            case .memory: memory
            case .database: try DatabasePolicyStore(path: directory.appendingPathComponent("policy.sqlite").path)
            }
        }

        func remove() throws { try FileManager.default.removeItem(at: directory) }
    }

    func withStore(_ kind: Kind, _ body: (any PolicyStore, () throws -> any PolicyStore) async throws -> Void)
        async throws
    {
        let fixture = try Fixture(kind)
        do {
            try await body(try fixture.open(), fixture.open)
        } catch {
            try fixture.remove()
            throw error
        }
        try fixture.remove()
    }

    @Test(arguments: Kind.allCases)
    func `everything is there again after a restart`(kind: Kind) async throws {
        try await withStore(kind) { store, reopen in
            var settings = Samples.settings("gold", frequency: 5)
            settings.bandwidthBytesPerSecond = .max
            settings.bandwidthSchedule = BandwidthSchedule(
                windows: [
                    BandwidthScheduleTests.office,
                    .init(weekdays: 96, fromMinute: 1_320, toMinute: 360, bytesPerSecond: 0),
                ], timeZone: "Europe/Berlin")
            settings.shutdownLimitSeconds = 7
            settings.whenShutdownFails = .destroy
            var progress = Samples.progress()
            progress.need = .compare(reason: "why")
            progress.lastApplicationAt = Samples.start
            progress.lastNumber = 9
            progress.holder = "h2"
            progress.doubtful = 8
            progress.asked = .underWay(cycle: 9, .application)
            var record = Samples.record(.committing)
            record.offline = true
            var entry = Samples.entry(.failingOver, version: 3)
            (entry.direction, entry.activeSide, entry.failoverCycle) = (.reverse, .target, .max)
            (entry.run, entry.alarm) = ("run", "Both run it.")
            var report = Samples.report(6)
            report.offline = true
            let host = HostEntry(id: "h1", name: "alpha", controlEndpoint: "tcp://127.0.0.1:1")
            let pair = PairEntry(key: .init(sourceCloud: "a", targetCloud: "b"), policy: "gold")
            try await store.apply([
                .putPolicy(settings), .putProgress(progress), .putOpenCycle(record),
                .putRegistry(.cloud(CloudEntry(name: "a", site: "north"))), .putRegistry(.host(host)),
                .putRegistry(.pair(pair)), .putDrained(worker: "w 1", seenAt: Samples.start),
                .putRegistry(.protection(entry)), .putEpoch([1, 2, 3]),
                .appendReport(Samples.protection, report),
                .appendReport(Samples.protection, Samples.report(7, error: PolicyError(.conflict, "m", remedy: "r"))),
            ])
            try await store.close()
            let state = try await reopen().load()
            #expect(state.policies == ["gold": settings])
            #expect(state.progress == [Samples.protection: progress])
            #expect(state.openCycles == [Samples.protection: record])
            #expect(state.registry.clouds == ["a": CloudEntry(name: "a", site: "north")])
            #expect(state.drained == ["w 1": Samples.start])
            #expect(state.registry.hosts == ["h1": host])
            #expect(state.registry.pairs == [pair.key: pair])
            #expect(state.registry.protections == [Samples.protection: entry])
            #expect(state.epoch == [1, 2, 3])
            #expect(state.lastReports == [Samples.protection: report])
        }
    }

    @Test(arguments: Kind.allCases)
    func `the newest row of a key counts, and what is removed is gone`(kind: Kind) async throws {
        try await withStore(kind) { store, reopen in
            try await store.apply([
                .putPolicy(Samples.settings("a")), .putPolicy(Samples.settings("a", frequency: 60)),
                .putPolicy(Samples.settings("b")), .deletePolicy(name: "b"),
                .putOpenCycle(Samples.record()), .clearOpenCycle(Samples.protection),
                .putRegistry(.host(HostEntry(id: "h", name: "n", controlEndpoint: ""))),
                .putRegistry(.hostRemoved(id: "h")), .putRegistry(.cloud(CloudEntry(name: "c", site: "s"))),
                .putRegistry(.cloudRemoved(name: "c")), .putDrained(worker: "w", seenAt: Samples.start),
                .putDrained(worker: "w", seenAt: Samples.start + 1),
                .clearDrained(worker: "w"), .clearDrained(worker: "never"),
            ])
            try await store.close()
            let state = try await reopen().load()
            #expect(state.policies["a"]?.frequencySeconds == 60)
            #expect(state.policies.count == 1)
            #expect(state.openCycles.isEmpty)
            #expect(state.registry.hosts.isEmpty && state.registry.clouds.isEmpty && state.drained.isEmpty)
        }
    }

    @Test(arguments: Kind.allCases)
    func `a batch is stored together or not at all`(kind: Kind) async throws {
        try await withStore(kind) { store, reopen in
            var broken = Samples.record()
            broken.parent = broken.cycle
            await #expect(throws: PolicyError.self) {
                try await store.apply([.putPolicy(Samples.settings("a")), .putOpenCycle(broken)])
            }
            try await store.close()
            let state = try await reopen().load()
            #expect(state.policies.isEmpty)
        }
    }

    @Test(arguments: Kind.allCases)
    func `history is bounded, newest first, and each protection's own`(kind: Kind) async throws {
        try await withStore(kind) { store, _ in
            let other = ProtectionIdentifier("other")
            let cycles = UInt64(1)...UInt64(PolicyLimits.historyMaximum + 20)
            try await store.apply(
                [.appendReport(other, Samples.report(1))]
                    + cycles.map { .appendReport(Samples.protection, Samples.report($0)) })
            let history = try await store.history(of: Samples.protection, limit: 5_000)
            #expect(history.count == PolicyLimits.historyMaximum)
            #expect(history.first?.cycle == cycles.upperBound)
            let newest = try await store.history(of: Samples.protection, limit: 3).map(\.cycle)
            #expect(newest == [1_020, 1_019, 1_018])
            let others = try await store.history(of: other, limit: 10)
            #expect(others.count == 1)
            try await store.apply([.forget(Samples.protection)])
            let left = try await store.history(of: Samples.protection, limit: 10)
            #expect(left.isEmpty)
        }
    }

    @Test func `a second service on one database is refused`() async throws {
        let fixture = try Fixture(.database)
        let store = try fixture.open()
        let error = #expect(throws: PolicyError.self) { try fixture.open() }
        #expect(error?.message.contains("another policy service") == true)
        try await store.close()
        try await fixture.open().close()
        try fixture.remove()
    }

    @Test func `an altered database is refused with a sentence, not guessed at`() async throws {
        let fixture = try Fixture(.database)
        let store = try fixture.open()
        try await store.apply([.putProgress(Samples.progress()), .putOpenCycle(Samples.record())])
        try await store.close()
        let path = fixture.directory.appendingPathComponent("policy.sqlite").path
        // -1 is 2^64-1, on which nobody could count on.
        for spoil in ["UPDATE progress SET lastNumber = -1", "UPDATE openCycle SET stage = 'later'"] {
            try await SpoiledDatabase.execute(spoil, path: path)
            let again = try fixture.open()
            await #expect(throws: PolicyError.self) { try await again.load() }
            try await again.close()
            try await SpoiledDatabase.execute("UPDATE progress SET lastNumber = 8", path: path)
        }
        try fixture.remove()
    }
}
