import Foundation
import GRDB

/// The store in one SQLite file. The tables are described in Policy.docc/Schema.md.
///
/// Every batch is one transaction, synced before `apply` returns, because a cycle number that was forgotten in a power
/// cut could be given twice. The file is locked as long as it is open, because two services on one database would give
/// the same numbers.
final class DatabasePolicyStore: PolicyStore {
    private let database: DatabaseQueue

    /// Opens or creates the file and brings its schema up to date.
    init(path: String) throws {
        var configuration = Configuration()
        configuration.label = "policy"
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
            throw PolicyError(
                .unavailable, "The database \(path) is used by another policy service.", remedy: "Stop that one first.")
        } catch let error as DatabaseError {
            throw PolicyError(
                .internal, "The database \(path) cannot be opened: \(error).",
                remedy: "See whether its directory can be written, and whether the file is whole.")
        }
    }

    func load() async throws -> StoredState {
        try await database.read { database in
            var state = StoredState()
            for row in try Row.fetchAll(database, sql: "SELECT * FROM policy") {
                let settings = try PolicySettings(row: row)
                state.policies[settings.name] = settings
            }
            for row in try Row.fetchAll(database, sql: "SELECT * FROM drainedWorker") {
                state.drained[row["name"]] = PolicyTime(milliseconds: row["seenAt"])
            }
            for row in try Row.fetchAll(database, sql: "SELECT * FROM cloud") {
                _ = state.registry.apply(.cloud(CloudEntry(row: row)))
            }
            for row in try Row.fetchAll(database, sql: "SELECT * FROM host") {
                _ = state.registry.apply(.host(HostEntry(row: row)))
            }
            for row in try Row.fetchAll(database, sql: "SELECT * FROM cloudPair") {
                _ = state.registry.apply(.pair(PairEntry(row: row)))
            }
            for row in try Row.fetchAll(database, sql: "SELECT * FROM protection") {
                _ = state.registry.apply(.protection(try ProtectionEntry(row: row)))
            }
            for row in try Row.fetchAll(database, sql: "SELECT * FROM progress") {
                let progress = try ProtectionProgress(row: row)
                state.progress[progress.protection] = progress
            }
            for row in try Row.fetchAll(database, sql: "SELECT * FROM openCycle") {
                let record = try CycleRecord(row: row)
                state.openCycles[record.protection] = record
            }
            let last = """
                SELECT * FROM report WHERE number IN
                    (SELECT MAX(number) FROM report WHERE errorCode IS NULL GROUP BY protection)
                """
            for row in try Row.fetchAll(database, sql: last) {
                state.lastReports[ProtectionIdentifier(row["protection"])] = try CycleReport(row: row)
            }
            state.epoch = try [UInt8](
                Data.fetchOne(database, sql: "SELECT value FROM note WHERE name = 'epoch'") ?? Data())
            return state
        }
    }

    func apply(_ changes: [StoreChange]) async throws {
        guard !changes.isEmpty else { return }
        do {
            try await database.write { database in
                for change in changes { try Self.apply(change, database) }
            }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_FULL {
            throw PolicyError(
                .resourceExhausted, "The disk of the policy service's database is full.", remedy: "Free space on it.")
        } catch let error as DatabaseError {
            throw PolicyError(
                .unavailable, "The policy service's database can not be written: \(error).",
                remedy: "See whether its disk is well, and whether its directory can be written.")
        }
    }

    func history(of protection: ProtectionIdentifier, limit: Int) async throws -> [CycleReport] {
        try await database.read { database in
            let sql = "SELECT * FROM report WHERE protection = ? ORDER BY number DESC LIMIT ?"
            return try Row.fetchAll(database, sql: sql, arguments: [protection.text, limit]).map {
                try CycleReport(row: $0)
            }
        }
    }

    func close() async throws { try database.close() }

    private static func apply(_ change: StoreChange, _ database: Database) throws {
        switch change {
        case .putPolicy(let settings):
            try settings.checkInvariants()
            try put(settings.columns, into: "policy", database)
        case .deletePolicy(let name):
            try database.execute(sql: "DELETE FROM policy WHERE name = ?", arguments: [name])
        case .putProgress(let progress):
            try progress.checkInvariants()
            try put(progress.columns, into: "progress", database)
        case .putOpenCycle(let record):
            try record.checkInvariants()
            try put(record.columns, into: "openCycle", database)
        case .clearOpenCycle(let id):
            try database.execute(sql: "DELETE FROM openCycle WHERE protection = ?", arguments: [id.text])
        case .appendReport(let id, let report):
            try append(report, id, database)
        case .forget(let id):
            for table in ["progress", "openCycle", "report"] {
                try database.execute(sql: "DELETE FROM \(table) WHERE protection = ?", arguments: [id.text])
            }
        case .putDrained(let worker, let seenAt):
            try put(["name": worker, "seenAt": seenAt.milliseconds], into: "drainedWorker", database)
        case .clearDrained(let worker):
            try database.execute(sql: "DELETE FROM drainedWorker WHERE name = ?", arguments: [worker])
        case .putRegistry(let change):
            try applyRegistry(change, database)
        case .putEpoch(let epoch):
            try put(["name": "epoch", "value": Data(epoch)], into: "note", database)
        }
    }

    private static func applyRegistry(_ change: RegistryChange, _ database: Database) throws {
        switch change {
        case .cloud(let cloud):
            try put(cloud.columns, into: "cloud", database)
        case .cloudRemoved(let name):
            try database.execute(sql: "DELETE FROM cloud WHERE name = ?", arguments: [name])
        case .host(let host):
            try put(host.columns, into: "host", database)
        case .hostRemoved(let id):
            try database.execute(sql: "DELETE FROM host WHERE id = ?", arguments: [id])
        case .pair(let pair):
            try put(pair.columns, into: "cloudPair", database)
        case .pairRemoved(let key):
            try database.execute(
                sql: "DELETE FROM cloudPair WHERE sourceCloud = ? AND targetCloud = ?",
                arguments: [key.sourceCloud, key.targetCloud])
        case .protection(let entry):
            try put(entry.columns, into: "protection", database)
        case .protectionRemoved(let id):
            try database.execute(sql: "DELETE FROM protection WHERE id = ?", arguments: [id.text])
        }
    }

    private static func append(_ report: CycleReport, _ id: ProtectionIdentifier, _ database: Database) throws {
        var columns = report.columns
        columns["protection"] = id.text
        try put(columns, into: "report", database)
        let oldest = """
            DELETE FROM report WHERE protection = ? AND number <=
                (SELECT number FROM report WHERE protection = ? ORDER BY number DESC LIMIT 1 OFFSET ?)
            """
        try database.execute(sql: oldest, arguments: [id.text, id.text, PolicyLimits.historyMaximum])
    }

    /// Inserts a row, or replaces the one of the same key. Column names are our own and never a peer's.
    private static func put(
        _ columns: [String: (any DatabaseValueConvertible)?], into table: String, _ database: Database
    ) throws {
        let names = columns.keys.sorted()
        let marks = names.map { _ in "?" }.joined(separator: ", ")
        try database.cachedStatement(
            sql: "INSERT OR REPLACE INTO \(table) (\(names.joined(separator: ", "))) VALUES (\(marks))"
        ).execute(arguments: StatementArguments(names.map { (columns[$0] ?? nil)?.databaseValue ?? .null }))
    }
}
