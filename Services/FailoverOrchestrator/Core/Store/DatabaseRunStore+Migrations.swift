import GRDB

extension DatabaseRunStore {
    /// Append only: a migration that was released is never edited.
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("2026-11-25 runs") { database in
            try database.create(table: "run") { table in
                table.primaryKey("id", .text)
                table.column("protection", .text).notNull()
                table.column("kind", .text).notNull()
                table.column("isEnded", .boolean).notNull()
                table.column("requestedAt", .integer).notNull()
                table.column("document", .blob).notNull()
            }
        }
        return migrator
    }
}
