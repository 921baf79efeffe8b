internal import GRDB

/// The tables, one migration after the other. Append only: a released migration is never edited, because databases
/// that ran it will not run it again. `Vault.docc/Schema.md` shows the result.
extension SQLiteVaultStore {
    static let migrator: DatabaseMigrator = {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("2026-11-23 registry") { database in
            try database.execute(sql: registryTables)
            try database.execute(sql: historyTables)
            // With the tables and never again: a database that lost it is damaged, and must not begin a new numbering.
            try database.execute(sql: "INSERT INTO identity VALUES (1, randomblob(16), 0)")
        }
        migrator.registerMigration("2026-11-25 failover") { database in try database.execute(sql: failoverColumns) }
        migrator.registerMigration("2026-11-26 incarnation of hosts") { database in
            try database.execute(sql: "ALTER TABLE host ADD COLUMN incarnation INTEGER NOT NULL DEFAULT 0")
        }
        return migrator
    }()

    /// Protections of before were never failed over, and their pairs had no mappings.
    private static let failoverColumns = """
        ALTER TABLE cloud_pair ADD COLUMN fence_action TEXT NOT NULL DEFAULT 'alarm';
        ALTER TABLE cloud_pair ADD COLUMN networks TEXT NOT NULL DEFAULT '[]';
        ALTER TABLE protection ADD COLUMN active_side TEXT NOT NULL DEFAULT 'source';
        ALTER TABLE protection ADD COLUMN run TEXT NOT NULL DEFAULT '';
        ALTER TABLE protection ADD COLUMN failover_cycle INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE protection ADD COLUMN alarm TEXT NOT NULL DEFAULT '';
        ALTER TABLE protection ADD COLUMN last_run TEXT NOT NULL DEFAULT '';
        ALTER TABLE protection ADD COLUMN last_step TEXT NOT NULL DEFAULT '';
        ALTER TABLE protection ADD COLUMN last_step_cycle INTEGER NOT NULL DEFAULT 0;
        """

    private static let registryTables = """
        CREATE TABLE identity (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            epoch BLOB NOT NULL CHECK (length(epoch) = 16),
            last_event_number INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE site (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
        CREATE TABLE cloud (
            name TEXT PRIMARY KEY,
            site TEXT NOT NULL REFERENCES site (name)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE cloud_pair (
            source_cloud TEXT NOT NULL REFERENCES cloud (name),
            target_cloud TEXT NOT NULL REFERENCES cloud (name),
            policy TEXT NOT NULL,
            coverage TEXT NOT NULL,
            PRIMARY KEY (source_cloud, target_cloud)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE host (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            cloud TEXT NOT NULL REFERENCES cloud (name),
            control_endpoint TEXT NOT NULL,
            agent_version TEXT NOT NULL,
            hypervisor_uri TEXT NOT NULL,
            memory_bytes INTEGER NOT NULL,
            memory_free_bytes INTEGER NOT NULL,
            replica_bytes INTEGER NOT NULL,
            replica_free_bytes INTEGER NOT NULL,
            contact TEXT NOT NULL,
            last_seen_unix_ms INTEGER NOT NULL,
            inventory_sequence INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE guest (
            host_id TEXT NOT NULL REFERENCES host (id),
            uuid TEXT NOT NULL,
            name TEXT NOT NULL,
            power TEXT NOT NULL,
            memory_bytes INTEGER NOT NULL,
            virtual_cpus INTEGER NOT NULL,
            disks TEXT NOT NULL,
            findings TEXT NOT NULL,
            has_guest_agent INTEGER NOT NULL,
            definition_digest BLOB NOT NULL,
            PRIMARY KEY (host_id, uuid)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE protection (
            id TEXT PRIMARY KEY,
            guest_uuid TEXT NOT NULL UNIQUE,
            guest_name TEXT NOT NULL,
            source_host_id TEXT NOT NULL REFERENCES host (id),
            target_host_id TEXT NOT NULL REFERENCES host (id),
            source_cloud TEXT NOT NULL,
            target_cloud TEXT NOT NULL,
            state TEXT NOT NULL,
            state_detail TEXT NOT NULL,
            state_reason TEXT NOT NULL,
            direction TEXT NOT NULL,
            generation INTEGER NOT NULL,
            version INTEGER NOT NULL,
            policy_override TEXT NOT NULL,
            created_unix_ms INTEGER NOT NULL,
            FOREIGN KEY (source_cloud, target_cloud) REFERENCES cloud_pair (source_cloud, target_cloud),
            CHECK (source_host_id <> target_host_id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE exclusion (
            source_cloud TEXT NOT NULL,
            target_cloud TEXT NOT NULL,
            guest_uuid TEXT NOT NULL,
            PRIMARY KEY (source_cloud, target_cloud, guest_uuid),
            FOREIGN KEY (source_cloud, target_cloud) REFERENCES cloud_pair (source_cloud, target_cloud)
        ) STRICT, WITHOUT ROWID;
        """

    private static let historyTables = """
        CREATE TABLE event (
            number INTEGER PRIMARY KEY,
            time_unix_ms INTEGER NOT NULL,
            kind TEXT NOT NULL,
            subject TEXT NOT NULL
        ) STRICT;
        CREATE TABLE audit (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            time_unix_ms INTEGER NOT NULL,
            actor TEXT NOT NULL,
            action TEXT NOT NULL,
            subject TEXT NOT NULL,
            outcome TEXT NOT NULL
        ) STRICT;
        CREATE TABLE operation (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            identifier BLOB NOT NULL UNIQUE,
            answer BLOB NOT NULL
        ) STRICT;
        """
}
