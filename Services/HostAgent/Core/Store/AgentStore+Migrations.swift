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
        migrator.registerMigration("2026-11-25 sides, guests started on their own disks") { database in
            try database.execute(
                sql: """
                    CREATE TABLE side (
                        protection TEXT PRIMARY KEY,
                        guest TEXT NOT NULL,
                        generation INTEGER NOT NULL CHECK (generation > 0),
                        fence TEXT CHECK (fence IN ('alarm', 'disconnect', 'shutDown')),
                        activeHost TEXT NOT NULL,
                        autostartBefore INTEGER CHECK (autostartBefore IN (0, 1)),
                        linksCut INTEGER NOT NULL CHECK (linksCut IN (0, 1))
                    ) STRICT;
                    CREATE TABLE startedOnBase (
                        protection TEXT PRIMARY KEY,
                        generation INTEGER NOT NULL CHECK (generation > 0),
                        cycle INTEGER NOT NULL CHECK (cycle > 0),
                        guest TEXT NOT NULL,
                        guestName TEXT NOT NULL,
                        startMilliseconds INTEGER NOT NULL,
                        runningUnixMilliseconds INTEGER NOT NULL
                    ) STRICT;
                    """)
        }
        migrator.registerMigration("2026-11-26 images of guests that were stopped") { database in
            try database.execute(
                sql: """
                    CREATE TABLE stoppedGuest (
                        protection TEXT PRIMARY KEY,
                        images TEXT NOT NULL
                    ) STRICT;
                    """)
        }
        migrator.registerMigration("2026-11-26 sides that ended, images whose content was kept") { database in
            try database.execute(
                sql: """
                    ALTER TABLE side ADD COLUMN hasEnded INTEGER NOT NULL DEFAULT 0 CHECK (hasEnded IN (0, 1));
                    CREATE TABLE keptGuest (
                        protection TEXT PRIMARY KEY,
                        images TEXT NOT NULL
                    ) STRICT;
                    """)
        }
        migrator.registerMigration("2026-11-26 incarnation of the host") { database in
            try database.execute(
                sql: """
                    ALTER TABLE host ADD COLUMN incarnation INTEGER NOT NULL DEFAULT 0 CHECK (incarnation >= 0);
                    ALTER TABLE host ADD COLUMN replacedBecause TEXT NOT NULL DEFAULT '';
                    """)
        }
        migrator.registerMigration("2026-11-27 guests that were told to shut down") { database in
            try database.execute(
                sql: """
                    ALTER TABLE side ADD COLUMN toldRun INTEGER CHECK (toldRun BETWEEN 0 AND 4294967295);
                    ALTER TABLE side ADD COLUMN startAgainUntil INTEGER;
                    """)
        }
        return migrator
    }
}
