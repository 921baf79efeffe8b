internal import GRDB

/// The vault's database: one SQLite file, used by one process at a time.
///
/// WAL, with `synchronous = FULL` for everything that is answered or published, because an event that subscribers saw
/// must never be taken back: the number would be given again to another change, and nobody would notice. Entries of
/// the audit that come alone (refusals) are written with `NORMAL`: they survive a crash of the vault, and a loss of
/// power costs at most the last of them.
///
/// The file is locked as long as it is open (`locking_mode = EXCLUSIVE`), because two vaults on one database would
/// both number events.
///
/// Each opening has an epoch of its own, because a file that was put back from a backup cannot be told from one that was
/// only closed: its numbers would be given to other events under the epoch that subscribers know, and what happened in
/// between would go past them. It is not written down, because a vault on a full disk has to start.
final class SQLiteVaultStore: VaultStore {
    private let database: DatabaseQueue
    private let epoch: [UInt8]

    /// Opens or creates the file and brings its tables up to date.
    init(path: String) throws(VaultError) {
        database = try Self.reporting {
            var configuration = Configuration()
            configuration.label = "vault"
            configuration.journalMode = .wal
            configuration.busyMode = .timeout(1)
            configuration.prepareDatabase { database in
                // Before anything is read, because SQLite then never makes the shared-memory file of the WAL.
                try database.execute(sql: "PRAGMA locking_mode = EXCLUSIVE")
            }
            let database = try DatabaseQueue(path: path, configuration: configuration)
            try Self.migrator.migrate(database)
            return database
        }
        var generator = SystemRandomNumberGenerator()
        epoch = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    func load() throws(VaultError) -> StoredVault {
        let stored = try Self.reporting {
            try database.read { database in
                StoredVault(
                    epoch: epoch,
                    lastEventNumber: try Self.lastEventNumber(in: database),
                    registry: try Self.registry(in: database))
            }
        }
        try stored.registry.checkInvariants()
        return stored
    }

    func commit(_ transaction: VaultTransaction) throws(VaultError) {
        try Self.reporting {
            try database.writeWithoutTransaction { database in
                try database.execute(sql: "PRAGMA synchronous = \(transaction.isAuditAlone ? "NORMAL" : "FULL")")
                try database.inTransaction(.immediate) {
                    try Self.write(transaction, in: database)
                    return .commit
                }
            }
        }
    }

    func audit(limit: Int, before: UInt64?) throws(VaultError) -> [NumberedAuditEntry] {
        try Self.reporting {
            try database.read { database in
                let rows = try Row.fetchAll(
                    database, sql: "SELECT * FROM audit WHERE number < ? ORDER BY number DESC LIMIT ?",
                    arguments: [before.map { Int64(clamping: $0) } ?? .max, limit])
                return try rows.map(NumberedAuditEntry.init(row:))
            }
        }
    }

    func events(limit: Int) throws(VaultError) -> [StoredEvent] {
        try Self.reporting {
            try database.read { database in
                let rows = try Row.fetchAll(
                    database, sql: "SELECT * FROM event ORDER BY number DESC LIMIT ?", arguments: [limit])
                return try rows.reversed().map(StoredEvent.init(row:))
            }
        }
    }

    func answer(to operation: [UInt8]) throws(VaultError) -> [UInt8]? {
        try Self.reporting {
            try database.read { database in
                try [UInt8].fetchStored(
                    database, sql: "SELECT answer FROM operation WHERE identifier = ?",
                    arguments: [operation.storedBytes])
            }
        }
    }

    func close() throws(VaultError) {
        try Self.reporting { try database.close() }
    }

    // MARK: Errors

    /// SQLite's result codes are those of https://www.sqlite.org/rescode.html.
    private static func reporting<Result>(_ work: () throws -> Result) throws(VaultError) -> Result {
        do {
            return try work()
        } catch let error as VaultError {
            throw error
        } catch let error as DatabaseError {
            throw VaultError(database: error)
        } catch {
            throw VaultError(
                .storage, "The vault's database could not be used.", remedy: "See the cause.",
                facts: ["cause": "\(error)"])
        }
    }
}

extension VaultError {
    fileprivate init(database error: DatabaseError) {
        let facts = ["sqlite": "\(error.extendedResultCode.rawValue)", "cause": error.message ?? ""]
        switch error.resultCode {
        case .SQLITE_FULL:
            self.init(
                .resourceExhausted, "The disk of the vault's database is full.", remedy: "Free space on it.",
                facts: facts)
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            self.init(
                .unavailable, "Another process has the vault's database open.",
                remedy: "Stop the other vault, or give this one a `state` directory of its own.", facts: facts)
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            self.init(
                .corruptData, "The vault's database is damaged.", remedy: "Restore it from a backup.", facts: facts)
        case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_READONLY:
            self.init(
                .storage, "The vault's database cannot be opened for writing.",
                remedy: "Check that `state` names a directory that the vault may write.", facts: facts)
        default:  // SQLite's codes, of which there are many and none other is told apart.
            self.init(
                .storage, "The vault's database could not be used.", remedy: "Check the disk that it is on.",
                facts: facts)
        }
    }
}
