public import GRDB

/// A database file as releases of before left it, one after the other: each migrated it, and wrote rows of its own.
public enum OlderDatabase {
    /// Why a file is none to test with.
    public enum Fault: Error {
        /// Nobody wrote down what the release of this migration stores.
        case noRows(ofMigration: String)
        /// A table that nobody filled would be a test that cannot fail.
        case emptyTable(String)
    }

    /// Makes the file.
    ///
    /// - Parameters:
    ///   - rows: by migration, the statements that its release may have run. They are written down as they were, because
    ///     what the present release would write says nothing of an older file.
    ///   - migration: the newest that the file has seen.
    /// - Throws: `Fault`, and what the database says.
    public static func make(
        at path: String, _ migrator: DatabaseMigrator, rows: [String: String], upTo migration: String
    ) throws {
        let queue = try DatabaseQueue(path: path)
        for earlier in migrator.migrations {
            try migrator.migrate(queue, upTo: earlier)
            guard let statements = rows[earlier] else { throw Fault.noRows(ofMigration: earlier) }
            try queue.write { try $0.execute(sql: statements) }
            if earlier == migration { break }
        }
        try queue.read { database in
            let tables = try String.fetchAll(
                database,
                sql: """
                    SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'
                        AND name <> 'grdb_migrations'
                    """)
            for table in tables where try Int.fetchOne(database, sql: "SELECT count(*) FROM \(table)") == 0 {
                throw Fault.emptyTable(table)
            }
        }
        try queue.close()
    }
}
