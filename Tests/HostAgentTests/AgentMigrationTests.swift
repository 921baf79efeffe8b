import GRDB
import OlderDatabase
import Replica
import Testing

@testable import HostAgent

/// A file of every earlier release, with a row in every table, opened by this one. Rows are written down as they were,
/// because what this release would write says nothing of an older file.
@Suite struct AgentMigrationTests {
    private static let first = """
        INSERT INTO host VALUES (1, 'host', 41);
        INSERT INTO source VALUES ('p', 'g', 3, 7, 8), ('q', 'h', 1, NULL, NULL);
        INSERT INTO retiredReplica VALUES ('r', 5);
        INSERT INTO viewProcess VALUES (123, 456, '/run/v.sock');
        """
    private static let second = """
        INSERT INTO side VALUES
            ('p', 'g', 3, NULL, 'alpha', NULL, 0), ('q', 'h', 2, 'disconnect', 'beta', 1, 1),
            ('s', 'i', 9, 'shutDown', '', 0, 0);
        INSERT INTO startedOnBase VALUES ('p', 3, 7, 'g', 'web', 250, 1700000000000);
        """
    private static let third = """
        INSERT INTO stoppedGuest VALUES
            ('p', '{"looks":{"/d.qcow2":{"inode":12,"modifiedNanoseconds":34,"sizeBytes":56}}}');
        """
    private static let fourth = """
        UPDATE side SET hasEnded = 1 WHERE protection = 's';
        INSERT INTO keptGuest VALUES ('q', '{"looks":{}}');
        """

    private static let fifth = "UPDATE host SET incarnation = 2, replacedBecause = 'Another.'"

    /// What each release may have written, one after the other, by its newest migration.
    private static let rows = [
        "2026-11-23 host, source checkpoints, retired replicas, view processes": first,
        "2026-11-25 sides, guests started on their own disks": second,
        "2026-11-26 images of guests that were stopped": third,
        "2026-11-26 sides that ended, images whose content was kept": fourth,
        "2026-11-26 incarnation of the host": fifth,
    ]

    @Test func everyEarlierFileIsAmongThem() {
        #expect(Set(Self.rows.keys) == Set(AgentStore.migrator.migrations.dropLast()))
    }

    @Test(arguments: AgentStore.migrator.migrations.dropLast())
    func anEarlierFileIsWhatItWas(migration: String) async throws {
        try await withTemporaryDirectory { directory in
            let path = "\(directory)/agent.sqlite"
            let sql = try #require(Self.rows[migration])
            try OlderDatabase.make(at: path, AgentStore.migrator, rows: Self.rows, upTo: migration)
            let isReplaced = sql == Self.fifth
            let (hasSides, hasEnded) = (sql != Self.first, sql == Self.fourth || isReplaced)
            let store = try AgentStore(path: path)

            #expect(try await store.hostIdentifier(fresh: "other") == "host")
            #expect(try await store.nextRun() == 42)
            #expect(
                try await store.sources() == [
                    .init(
                        protection: "p", guest: "g", generation: 3,
                        ledger: CheckpointLedger(acknowledged: 7, candidate: 8)),
                    .init(protection: "q", guest: "h", generation: 1, ledger: CheckpointLedger()),
                ])
            #expect(try await store.retiredGeneration(of: "r") == 5)
            #expect(
                try await store.processes() == [.init(process: 123, startTicks: 456, socket: "/run/v.sock")])
            #expect(try await store.sides() == (hasSides ? Self.sides : [:]))
            // Before that was known nobody had ended, nothing had been kept aside, and nobody had been replaced.
            #expect(try await store.endedSides() == (hasEnded ? ["s"] : []))
            #expect(try await store.hostIncarnation() == (isReplaced ? 2 : 0))
            #expect(try await store.replacedBecause() == (isReplaced ? "Another." : nil))
            let onBase = try await store.startedOnBase("p")
            #expect(onBase == (hasSides ? Self.onBase : nil))
            let stopped = try await store.stoppedImages("p")
            #expect(
                stopped?.looks
                    == (sql == Self.third || hasEnded
                        ? ["/d.qcow2": .init(inode: 12, sizeBytes: 56, modifiedNanoseconds: 34)] : nil))
            #expect(try await store.keptImages("p") == nil)
            #expect((try await store.keptImages("q") != nil) == hasEnded)
            // It goes on from there.
            if hasSides {
                try await store.markEnded("q")
                #expect(try await store.endedSides() == (hasEnded ? ["q", "s"] : ["q"]))
            }
        }
    }

    private static let sides = [
        "p": SideStateMachine(
            guest: "g", generation: 3, standing: .active, activeHost: "alpha", autostart: .untouched, links: .untouched),
        "q": SideStateMachine(
            guest: "h", generation: 2, standing: .passive(.disconnect), activeHost: "beta",
            autostart: .withheld(before: true), links: .cut),
        "s": SideStateMachine(
            guest: "i", generation: 9, standing: .passive(.shutDown), activeHost: "",
            autostart: .withheld(before: false), links: .untouched),
    ]

    private static let onBase = AgentStore.StartedOnBase(
        protection: "p", generation: 3,
        guest: StartedGuest(
            uuid: "g", name: "web", cycle: 7, startMilliseconds: 250, runningUnixMilliseconds: 1_700_000_000_000,
            warnings: []))
}
