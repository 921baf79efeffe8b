import Foundation
import GRDB
import OlderDatabase
import Testing

@testable import Policy

/// A file of every earlier release, with a row in every table, opened by this one. Rows are written down as they were,
/// because what this release would write says nothing of an older file.
@Suite struct PolicyMigrationTests {
    private static let first = """
        INSERT INTO policy (name, frequencySeconds, everyCycleSeconds, hourlySeconds, dailySeconds,
                applicationConsistentEverySeconds, bandwidthBytesPerSecond, initialNotBeforeUnixSeconds,
                freezeLimitMilliseconds, version, compression)
            VALUES ('gold', 5, 3600, 86400, 604800, 900, -1, 17, 4000, 3, 'zstd');
        INSERT INTO note VALUES ('epoch', x'010203');
        INSERT INTO host VALUES ('h1', 'alpha', 'tcp://127.0.0.1:1');
        INSERT INTO cloudPair (sourceCloud, targetCloud, policy) VALUES ('a', 'b', 'gold');
        INSERT INTO protection (id, guestUUID, guestName, sourceHost, targetHost, sourceCloud, targetCloud, state,
                policyOverride, stateReason, generation, version, keepReplica)
            VALUES ('p', 'g', 'web', 'h1', 'h2', 'a', 'b', 'resynchronizing', 'silver', 'why', 2, 9, 1);
        INSERT INTO progress (protection, lastNumber, parent, needKind, needReason, newestCycle, newestStartedAt,
                lastApplicationAt, settledVersion)
            VALUES ('p', 8, 7, 'compare', 'it was lost', 7, 1700000000000, 1600000000000, 4);
        INSERT INTO openCycle (protection, generation, cycle, parent, dueAt, startedAt, registryVersion,
                capturedUnixMilliseconds, changedBytes, kind, reason, wanted, reached, sourceHost, targetHost, guestUUID,
                stage)
            VALUES ('p', 2, 8, 7, 1700000000001, 1700000000002, 9, 1700000000003, 10, 'compare', 'it was lost',
                'application', 'crash', 'h1', 'h2', 'g', 'committing');
        INSERT INTO report (protection, cycle, capturedUnixMilliseconds, endedAt, durationMilliseconds, changedBytes,
                sentBytes, kind, consistency, reason, errorCode, errorMessage, errorRemedy)
            VALUES ('p', 6, 1, 2, 3, 4, 5, 'full', 'crash', 'First replication', NULL, NULL, NULL),
                ('p', 7, 0, 12, 13, 14, 15, 'incremental', 'application', '', 'conflict', 'm', 'r');
        """

    private static let failover = """
        UPDATE policy SET shutdownLimitSeconds = 7, whenShutdownFails = 'destroy';
        UPDATE protection SET direction = 'reverse', activeSide = 'target', run = 'r1', failoverCycle = 6,
            alarm = 'Both run it.';
        UPDATE progress SET holder = 'h2', askedCycle = 0, doubtfulCycle = 8;
        UPDATE openCycle SET offline = 1;
        UPDATE report SET offline = 1;
        """

    /// What each release may have written, one after the other, by its newest migration.
    private static let rows = [
        "2026-11-23 policies, registry copy, cycles": first,
        "2026-11-25 failover": failover,
        "2026-11-26 workers": """
        UPDATE policy SET bandwidthSchedule = '31 480 1080 5242880', timeZone = 'Europe/Berlin';
        INSERT INTO cloud VALUES ('a', 'north');
        INSERT INTO drainedWorker VALUES ('worker-3');
        """,
        "2026-11-26 drained workers seen": "UPDATE drainedWorker SET seenAt = 5;",
    ]

    @Test func `every earlier file is among them`() {
        #expect(Set(Self.rows.keys) == Set(DatabasePolicyStore.migrator.migrations.dropLast()))
    }

    /// As Schema.md, "Changes", says.
    @Test(arguments: DatabasePolicyStore.migrator.migrations.dropLast())
    func `an earlier file is what it was, and what it lacks is as if it had never been`(migration: String) async throws
    {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent(
            "bsc-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let path = directory.appendingPathComponent("policy.sqlite").path
        try OlderDatabase.make(at: path, DatabasePolicyStore.migrator, rows: Self.rows, upTo: migration)
        let hasFailover = migration != "2026-11-23 policies, registry copy, cycles"
        let hasSeen = migration == "2026-11-26 drained workers seen"
        let hasWorkers = migration == "2026-11-26 workers" || hasSeen
        let store = try DatabasePolicyStore(path: path)
        let state = try await store.load()

        #expect(state.policies == ["gold": Self.policy(hasFailover, hasWorkers)])
        // 0: never seen, as far as anybody knows.
        #expect(state.drained == (hasWorkers ? ["worker-3": PolicyTime(milliseconds: hasSeen ? 5 : 0)] : [:]))
        #expect(state.registry.clouds == (hasWorkers ? ["a": CloudEntry(name: "a", site: "north")] : [:]))
        #expect(state.epoch == [1, 2, 3])
        let host = HostEntry(id: "h1", name: "alpha", controlEndpoint: "tcp://127.0.0.1:1")
        #expect(state.registry.hosts == ["h1": host])
        let pair = PairEntry(key: .init(sourceCloud: "a", targetCloud: "b"), policy: "gold")
        #expect(state.registry.pairs == [pair.key: pair])
        #expect(state.registry.protections == [Self.id: Self.protection(hasFailover)])
        #expect(state.progress == [Self.id: Self.progress(hasFailover)])
        #expect(state.openCycles == [Self.id: Self.openCycle(hasFailover)])
        let reports = Self.reports(hasFailover)
        #expect(state.lastReports == [Self.id: reports[1]])
        #expect(try await store.history(of: Self.id, limit: 10) == reports)
        try await store.close()
        try FileManager.default.removeItem(at: directory)
    }

    // MARK: What is expected

    private static let id = ProtectionIdentifier("p")

    private static func policy(_ hasFailover: Bool, _ hasWorkers: Bool) -> PolicySettings {
        PolicySettings(
            name: "gold", frequencySeconds: 5,
            retention: .init(everyCycleSeconds: 3_600, hourlySeconds: 86_400, dailySeconds: 604_800),
            applicationConsistentEverySeconds: 900, compression: .zstd, bandwidthBytesPerSecond: .max,
            initialNotBeforeUnixSeconds: 17, freezeLimitMilliseconds: 4_000, version: 3,
            shutdownLimitSeconds: hasFailover ? 7 : 120, whenShutdownFails: hasFailover ? .destroy : .stop,
            bandwidthSchedule: hasWorkers
                ? BandwidthSchedule(
                    windows: [.init(weekdays: 31, fromMinute: 480, toMinute: 1_080, bytesPerSecond: 5 << 20)],
                    timeZone: "Europe/Berlin") : BandwidthSchedule())
    }

    private static func protection(_ hasFailover: Bool) -> ProtectionEntry {
        ProtectionEntry(
            id: id, guestUUID: "g", guestName: "web", sourceHost: "h1", targetHost: "h2", sourceCloud: "a",
            targetCloud: "b", state: .resynchronizing, generation: 2, version: 9, policyOverride: "silver",
            stateReason: "why", keepReplica: true, direction: hasFailover ? .reverse : .forward,
            activeSide: hasFailover ? .target : .source, run: hasFailover ? "r1" : "",
            failoverCycle: hasFailover ? 6 : 0, alarm: hasFailover ? "Both run it." : "")
    }

    private static func progress(_ hasFailover: Bool) -> ProtectionProgress {
        var progress = ProtectionProgress(protection: id)
        progress.lastNumber = 8
        progress.parent = 7
        progress.need = .compare(reason: "it was lost")
        progress.newest = .init(cycle: 7, startedAt: PolicyTime(milliseconds: 1_700_000_000_000))
        progress.lastApplicationAt = PolicyTime(milliseconds: 1_600_000_000_000)
        progress.settledVersion = 4
        if hasFailover {
            progress.holder = "h2"
            progress.asked = .waiting(nil)
            progress.doubtful = 8
        }
        return progress
    }

    private static func openCycle(_ hasFailover: Bool) -> CycleRecord {
        CycleRecord(
            protection: id, generation: 2, cycle: 8, parent: 7, kind: .compare, reason: "it was lost",
            wanted: .application, sourceHost: "h1", targetHost: "h2", guestUUID: "g",
            dueAt: PolicyTime(milliseconds: 1_700_000_000_001), startedAt: PolicyTime(milliseconds: 1_700_000_000_002),
            stage: .committing, registryVersion: 9, reached: .crash, capturedUnixMilliseconds: 1_700_000_000_003,
            changedBytes: 10, offline: hasFailover)
    }

    /// The newest first.
    private static func reports(_ hasFailover: Bool) -> [CycleReport] {
        [
            CycleReport(
                cycle: 7, kind: .incremental, consistency: .application, capturedUnixMilliseconds: 0,
                endedAt: PolicyTime(milliseconds: 12), durationMilliseconds: 13, changedBytes: 14, sentBytes: 15,
                error: PolicyError(.conflict, "m", remedy: "r"), reason: "", offline: hasFailover),
            CycleReport(
                cycle: 6, kind: .full, consistency: .crash, capturedUnixMilliseconds: 1,
                endedAt: PolicyTime(milliseconds: 2), durationMilliseconds: 3, changedBytes: 4, sentBytes: 5,
                error: nil, reason: "First replication", offline: hasFailover),
        ]
    }
}
