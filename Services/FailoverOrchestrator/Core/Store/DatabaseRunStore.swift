import FoundationEssentials
import GRDB

/// The store in one SQLite file. The table is described in FailoverOrchestrator.docc/Schema.md.
///
/// Every batch is one transaction, synced before `apply` returns, because a step that a power cut made forgotten would be
/// taken back or repeated by a run that no longer knows of it. The file is locked as long as it is open, because two
/// orchestrators on one database would both carry out its runs.
final class DatabaseRunStore: RunStore {
    private let database: DatabaseQueue

    /// Opens or creates the file and brings its schema up to date.
    init(path: String) throws {
        var configuration = Configuration()
        configuration.label = "orchestrator"
        configuration.journalMode = .wal
        configuration.busyMode = .timeout(1)
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA locking_mode = EXCLUSIVE")
            // NORMAL would lose the newest transactions in a power cut.
            try database.execute(sql: "PRAGMA synchronous = FULL")
        }
        do {
            database = try DatabaseQueue(path: path, configuration: configuration)
            try Self.migrator.migrate(database)
        } catch let error as DatabaseError where error.resultCode == .SQLITE_BUSY {
            throw OrchestratorError(
                .unavailable, "The database \(path) is used by another orchestrator.", remedy: "Stop that one first.")
        } catch let error as DatabaseError {
            throw OrchestratorError(
                .internal, "The database \(path) cannot be opened: \(error).",
                remedy: "See whether its directory can be written, and whether the file is whole.")
        }
    }

    func load() async throws -> [RunRecord] {
        let documents = try await database.read { database in
            try Row.fetchAll(database, sql: "SELECT id, document FROM run").map { row in
                (id: row["id"] as String, document: row["document"] as Data)
            }
        }
        return try documents.map { id, document in
            let record: RunRecord
            do {
                record = try JSONDecoder().decode(RunRecord.self, from: document)
            } catch {
                throw OrchestratorError(
                    .corruptData, "The record of run \(id) cannot be read: \(error)",
                    remedy: OrchestratorError.lostRecordRemedy)
            }
            try record.checkInvariants()
            return record
        }
    }

    func apply(_ changes: [StoreChange]) async throws {
        guard !changes.isEmpty else { return }
        do {
            try await database.write { database in
                for change in changes { try Self.apply(change, database) }
            }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_FULL {
            throw OrchestratorError(
                .resourceExhausted, "The disk of the orchestrator's database is full.", remedy: "Free space on it.")
        } catch let error as DatabaseError {
            throw OrchestratorError(
                .unavailable, "The orchestrator's database can not be written: \(error).",
                remedy: "See whether its disk is well, and whether its directory can be written.")
        }
    }

    func close() async throws { try database.close() }

    private static func apply(_ change: StoreChange, _ database: Database) throws {
        switch change {
        case .put(let record):
            try record.checkInvariants()
            try database.cachedStatement(
                sql: """
                    INSERT OR REPLACE INTO run (id, protection, kind, isEnded, requestedAt, document)
                        VALUES (?, ?, ?, ?, ?, ?)
                    """
            ).execute(arguments: [
                record.id, record.protection, record.kind.rawValue, record.isEnded, record.requestedAt.milliseconds,
                try JSONEncoder().encode(record),
            ])
        case .remove(let id):
            try database.execute(sql: "DELETE FROM run WHERE id = ?", arguments: [id])
        }
    }
}
