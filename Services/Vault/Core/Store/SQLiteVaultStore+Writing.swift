internal import GRDB

/// One transaction's statements.
extension SQLiteVaultStore {
    static func write(_ transaction: VaultTransaction, in database: Database) throws {
        try writeChanges(of: transaction, in: database)
        for entry in transaction.audit {
            try database.execute(
                sql: "INSERT INTO audit (time_unix_ms, actor, action, subject, outcome) VALUES (?, ?, ?, ?, ?)",
                arguments: [entry.timeUnixMilliseconds, entry.actor, entry.action, entry.subject, entry.outcome])
        }
        if !transaction.audit.isEmpty {
            try forget(in: "audit", keeping: VaultLimits.maximumAuditEntries, database)
        }
        if let operation = transaction.operation {
            try database.execute(
                sql: "INSERT OR REPLACE INTO operation (identifier, answer) VALUES (?, ?)",
                arguments: [operation.identifier.storedBytes, operation.answer.storedBytes])
            try forget(in: "operation", keeping: VaultLimits.maximumStoredOperations, database)
        }
    }

    private static func writeChanges(of transaction: VaultTransaction, in database: Database) throws {
        guard !transaction.changes.isEmpty else { return }
        let last = try lastEventNumber(in: database)
        guard transaction.changes == NumberedChange.numbering(transaction.changes.map(\.change), after: last) else {
            throw VaultError.outOfSequence(last: last)
        }
        for change in transaction.changes {
            try apply(change.change, in: database)
            guard let number = change.number else { continue }
            try database.execute(
                sql: "INSERT INTO event (number, time_unix_ms, kind, subject) VALUES (?, ?, ?, ?)",
                arguments: [
                    number.stored, transaction.moment.unixMilliseconds, change.change.kind, change.change.subject,
                ])
            try database.execute(sql: "UPDATE identity SET last_event_number = ?", arguments: [number.stored])
        }
        try forget(in: "event", keeping: VaultLimits.maximumStoredEvents, database)
    }

    /// Histories are bounded. The newest number minus the bound is cheap to find, because numbers have no gaps.
    private static func forget(in table: String, keeping count: UInt64, _ database: Database) throws {
        try database.execute(
            sql: "DELETE FROM \(table) WHERE number <= (SELECT max(number) FROM \(table)) - ?",
            arguments: [Int64(count)])
    }

    private static func apply(_ change: RegistryChange, in database: Database) throws {
        switch change {
        case .site(let site): try upsert("site", key: 1, site.columns, in: database)
        case .cloud(let cloud): try upsert("cloud", key: 1, cloud.columns, in: database)
        case .pair(let pair): try upsert("cloud_pair", key: 2, try pair.columns, in: database)
        case .host(let host): try upsert("host", key: 1, host.columns, in: database)
        case .guest(let guest): try upsert("guest", key: 2, try guest.columns, in: database)
        case .protection(let protection): try upsert("protection", key: 1, protection.columns, in: database)
        case .exclusionAdded(let exclusion): try upsert("exclusion", key: 3, exclusion.columns, in: database)
        case .siteRemoved(let name): try delete("site", [("name", name)], in: database)
        case .cloudRemoved(let name): try delete("cloud", [("name", name)], in: database)
        case .pairRemoved(let key): try delete("cloud_pair", key.columns, in: database)
        case .hostRemoved(let id): try delete("host", [("id", id.text)], in: database)
        case .guestRemoved(let key):
            try delete("guest", [("host_id", key.hostID.text), ("uuid", key.uuid.text)], in: database)
        case .protectionRemoved(let id): try delete("protection", [("id", id.text)], in: database)
        case .exclusionRemoved(let exclusion): try delete("exclusion", exclusion.columns, in: database)
        }
    }

    /// `ON CONFLICT DO UPDATE`, and not `OR REPLACE`, which would delete the row and with it break what refers to it.
    /// The first `key` columns are the primary key.
    private static func upsert(_ table: String, key: Int, _ columns: StoredColumns, in database: Database) throws {
        let names = columns.map(\.name)
        let updates = names.map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
        let places = names.map { _ in "?" }.joined(separator: ", ")
        try database.cachedStatement(
            sql: """
                INSERT INTO \(table) (\(names.joined(separator: ", "))) VALUES (\(places))
                ON CONFLICT (\(names.prefix(key).joined(separator: ", "))) DO UPDATE SET \(updates)
                """
        ).execute(arguments: StatementArguments(columns.map(\.value)))
    }

    private static func delete(_ table: String, _ key: StoredColumns, in database: Database) throws {
        let condition = key.map { "\($0.name) = ?" }.joined(separator: " AND ")
        try database.execute(
            sql: "DELETE FROM \(table) WHERE \(condition)", arguments: StatementArguments(key.map(\.value)))
    }
}
