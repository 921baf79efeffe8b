import GRDB

extension AgentStore {
    /// Append-only: a migration is never edited after a release. The tables are explained in HostAgent.docc/Schema.md.
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("2026-11-23 host, source checkpoints, retired replicas, view processes") {
            database in
            try database.execute(
                sql: """
                    CREATE TABLE host (
                        number INTEGER PRIMARY KEY CHECK (number = 1),
                        identifier TEXT NOT NULL,
                        runs INTEGER NOT NULL
                    ) STRICT;
                    CREATE TABLE source (
                        protection TEXT PRIMARY KEY,
                        guest TEXT NOT NULL,
                        generation INTEGER NOT NULL CHECK (generation >= 0),
                        acknowledgedCycle INTEGER CHECK (acknowledgedCycle > 0),
                        candidateCycle INTEGER CHECK (candidateCycle > 0),
                        CHECK (candidateCycle IS NULL OR acknowledgedCycle IS NULL OR candidateCycle > acknowledgedCycle)
                    ) STRICT;
                    CREATE TABLE retiredReplica (
                        protection TEXT PRIMARY KEY,
                        generation INTEGER NOT NULL
                    ) STRICT;
                    CREATE TABLE viewProcess (
                        process INTEGER PRIMARY KEY,
                        startTicks INTEGER NOT NULL,
                        socket TEXT NOT NULL
                    ) STRICT;
                    """)
        }
        return migrator
    }
}
