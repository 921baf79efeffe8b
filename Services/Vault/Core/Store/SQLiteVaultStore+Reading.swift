internal import GRDB

/// Reading everything back.
extension SQLiteVaultStore {
    static func lastEventNumber(in database: Database) throws -> UInt64 {
        guard let number = try Int64.fetchOne(database, sql: "SELECT last_event_number FROM identity") else {
            throw VaultError(
                .corruptData, "The vault's database does not say which event was its last.",
                remedy: "Restore it from a backup.")
        }
        return UInt64(stored: number)
    }

    static func registry(in database: Database) throws -> Registry {
        var registry = Registry()
        try each("site", in: database) { registry.apply(.site(try Site(row: $0))) }
        try each("cloud", in: database) { registry.apply(.cloud(try Cloud(row: $0))) }
        try each("cloud_pair", in: database) { registry.apply(.pair(try CloudPair(row: $0))) }
        try each("host", in: database) { registry.apply(.host(try Host(row: $0))) }
        try each("guest", in: database) { registry.apply(.guest(try Guest(row: $0))) }
        try each("protection", in: database) { registry.apply(.protection(try Protection(row: $0))) }
        try each("exclusion", in: database) { registry.apply(.exclusionAdded(try GuestExclusion(row: $0))) }
        return registry
    }

    private static func each(_ table: String, in database: Database, _ take: (Row) throws -> Void) throws {
        let rows = try Row.fetchCursor(database, sql: "SELECT * FROM \(table)")
        while let row = try rows.next() { try take(row) }
    }
}
