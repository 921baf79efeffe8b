import GRDB
import OlderDatabase
import Testing

@testable import Vault

/// A file of every earlier release, with a row in every table, opened by this one. Rows are written down as they were,
/// because what this release would write says nothing of an older file.
struct VaultMigrationTests {
    private static let primary = "11111111-1111-4111-8111-111111111111"
    private static let secondary = "22222222-2222-4222-8222-222222222222"
    private static let guest = "33333333-3333-4333-8333-333333333333"
    private static let protection = "44444444-4444-4444-8444-444444444444"
    private static let epoch = [UInt8](1...16)

    /// What each release may have written, one after the other, by its newest migration.
    private static let rows = [
        "2026-11-23 registry": """
        UPDATE identity SET epoch = x'0102030405060708090a0b0c0d0e0f10', last_event_number = 2;
        INSERT INTO site VALUES ('north'), ('south');
        INSERT INTO cloud VALUES ('a', 'north'), ('b', 'south');
        INSERT INTO cloud_pair VALUES ('a', 'b', 'gold', 'wholeCloud');
        INSERT INTO host VALUES
            ('\(primary)', 'alpha', 'a', 'tcp://10.0.0.1:7721', '0.1', 'qemu:///system', 10, 9, -1, 7,
                'reachable', 1700000000000, 77),
            ('\(secondary)', 'beta', 'b', 'tcp://10.0.0.2:7721', '0.1', 'qemu:///system', 20, 19, 18, 17,
                'silent', 1700000000001, 0);
        INSERT INTO guest VALUES
            ('\(primary)', '\(guest)', 'web', 'running', 1024, 2,
                '[{"format":"qcow2","sizeBytes":4096,"source":"/web.qcow2","target":"vda"}]',
                '[{"isBlocking":false,"message":"m","remedy":"r","rule":"snapshots","subject":""}]', 1, x'0a0b');
        INSERT INTO protection VALUES
            ('\(protection)', '\(guest)', 'web', '\(primary)', '\(secondary)', 'a', 'b', 'paused', 'protected',
                'why', 'forward', 1, 5, 'silver', 1690000000000);
        INSERT INTO exclusion VALUES ('a', 'b', '\(secondary)');
        INSERT INTO event VALUES (1, 1690000000000, 'site', 'north'), (2, 1690000000001, 'site', 'south');
        INSERT INTO audit (time_unix_ms, actor, action, subject, outcome)
            VALUES (1690000000002, 'cli/me', 'protect', 'web', 'done');
        INSERT INTO operation (identifier, answer) VALUES (x'05050505050505050505050505050505', x'010203');
        """,
        "2026-11-25 failover": """
        UPDATE cloud_pair SET fence_action = 'shutDown';
        UPDATE protection SET alarm = 'Both run it.';
        """,
    ]

    @Test func everyEarlierFileIsAmongThem() {
        #expect(Set(Self.rows.keys) == Set(SQLiteVaultStore.migrator.migrations.dropLast()))
    }

    /// As Schema.md, "Changes", says: what was there before is as if it had never failed over.
    @Test(arguments: SQLiteVaultStore.migrator.migrations.dropLast())
    func anEarlierFileIsWhatItWas(migration: String) throws {
        try TemporaryDirectory.use { directory in
            let path = "\(directory)/vault.sqlite"
            try OlderDatabase.make(at: path, SQLiteVaultStore.migrator, rows: Self.rows, upTo: migration)
            let store = try SQLiteVaultStore(path: path)
            let stored = try store.load()
            #expect(stored.epoch != Self.epoch && stored.lastEventNumber == 2)
            #expect(stored.registry == (try Self.expected(hasFailover: migration == "2026-11-25 failover")))
            #expect(try store.events(limit: 9).map(\.subject) == ["north", "south"])
            let entry = AuditEntry(
                timeUnixMilliseconds: 1_690_000_000_002, actor: "cli/me", action: "protect", subject: "web",
                outcome: "done")
            #expect(try store.audit(limit: 9, before: nil) == [NumberedAuditEntry(number: 1, entry: entry)])
            #expect(try store.answer(to: [UInt8](repeating: 5, count: 16)) == [1, 2, 3])
            // It goes on from there.
            try store.commit(VaultStoreContractTests.transaction([.site(Site(name: "west"))], after: 2))
            #expect(try store.load().lastEventNumber == 3)
            try store.close()
        }
    }

    private static func expected(hasFailover: Bool) throws -> Registry {
        func identifier(_ text: String) throws -> RegistryIdentifier { try #require(RegistryIdentifier(text)) }
        let (primary, secondary) = (try identifier(primary), try identifier(secondary))
        let guest = try identifier(guest)
        let key = CloudPair.Key(sourceCloud: "a", targetCloud: "b")
        var registry = Registry()
        for change: RegistryChange in [
            .site(Site(name: "north")), .site(Site(name: "south")), .cloud(Cloud(name: "a", site: "north")),
            .cloud(Cloud(name: "b", site: "south")),
            .pair(
                CloudPair(
                    key: key, policy: "gold", coverage: .wholeCloud, fenceAction: hasFailover ? .shutDown : .alarm,
                    networks: [])),
            .host(
                Host(
                    id: primary, name: "alpha", cloud: "a", controlEndpoint: "tcp://10.0.0.1:7721",
                    agentVersion: "0.1", hypervisorURI: "qemu:///system",
                    capacity: HostCapacity(
                        memoryBytes: 10, memoryFreeBytes: 9, replicaBytes: .max, replicaFreeBytes: 7),
                    contact: .reachable(lastSeen: 1_700_000_000_000), inventorySequence: 77)),
            .host(
                Host(
                    id: secondary, name: "beta", cloud: "b", controlEndpoint: "tcp://10.0.0.2:7721",
                    agentVersion: "0.1", hypervisorURI: "qemu:///system",
                    capacity: HostCapacity(
                        memoryBytes: 20, memoryFreeBytes: 19, replicaBytes: 18, replicaFreeBytes: 17),
                    contact: .silent(lastSeen: 1_700_000_000_001), inventorySequence: 0)),
            .guest(
                Guest(
                    key: Guest.Key(hostID: primary, uuid: guest), name: "web", power: .running, memoryBytes: 1_024,
                    virtualCPUs: 2,
                    disks: [GuestDisk(target: "vda", sizeBytes: 4_096, format: "qcow2", source: "/web.qcow2")],
                    findings: [
                        GuestFinding(rule: "snapshots", subject: "", message: "m", remedy: "r", isBlocking: false)
                    ],
                    hasGuestAgent: true, definitionDigest: [10, 11])),
            .protection(
                Protection(
                    id: try identifier(protection), guestUUID: guest, guestName: "web", sourceHostID: primary,
                    targetHostID: secondary, pair: key, state: .paused(resumingTo: .protected), stateReason: "why",
                    direction: .forward, generation: 1, version: 5, policyOverride: "silver",
                    createdUnixMilliseconds: 1_690_000_000_000, activeSide: .source, run: nil, failoverCycle: 0,
                    alarm: hasFailover ? "Both run it." : "", lastStep: nil)),
            .exclusionAdded(GuestExclusion(pair: key, guestUUID: secondary)),
        ] {
            registry.apply(change)
        }
        return registry
    }
}
