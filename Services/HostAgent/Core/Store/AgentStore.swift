import GRDB

/// What the agent has to remember across a restart, in its own SQLite file. Rows do not leave this file.
///
/// Every write is durable when the call returns (`synchronous = FULL`), because a checkpoint has to be listed here
/// before it may exist on a guest.
package struct AgentStore: Sendable {
    let database: any DatabaseWriter

    package init(path: String) throws {
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA synchronous = FULL")
        }
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.writeWithoutTransaction { database in
            try database.execute(sql: "PRAGMA journal_mode = WAL")
        }
        try AgentStore.migrator.migrate(queue)
        database = queue
    }

    // MARK: Host

    /// The host's identifier, made once. `fresh` is used only the very first time.
    package func hostIdentifier(fresh: String) async throws -> String {
        try await database.write { database in
            if let known = try String.fetchOne(database, sql: "SELECT identifier FROM host") { return known }
            try database.execute(
                sql: "INSERT INTO host (number, identifier, runs) VALUES (1, ?, 0)", arguments: [fresh])
            return fresh
        }
    }

    /// Nil in a database that no agent has worked with.
    package func knownHostIdentifier() async throws -> String? {
        try await database.read { try String.fetchOne($0, sql: "SELECT identifier FROM host") }
    }

    /// Which of the agents that had this identity, one after another, this one is.
    package func hostIncarnation() async throws -> UInt64 {
        let stored = try await database.read { try Int64.fetchOne($0, sql: "SELECT incarnation FROM host") }
        return UInt64(stored ?? 0)
    }

    /// The host is another one of the vault's from now on, or the same one again in a newer incarnation.
    package func replaceHostIdentifier(with identifier: String, incarnation: UInt64) async throws {
        try await database.write { database in
            try database.execute(
                sql: """
                    INSERT INTO host (number, identifier, runs, incarnation) VALUES (1, ?, 0, ?)
                    ON CONFLICT (number) DO UPDATE SET
                        identifier = excluded.identifier, incarnation = excluded.incarnation, replacedBecause = ''
                    """,
                arguments: [identifier, Int64(incarnation)])
        }
    }

    /// The database of these settings. Blocks.
    ///
    /// - Throws: `HostAgentError` that says how to come by another one.
    package static func open(_ settings: HostAgentSettings) throws -> AgentStore {
        do {
            return try AgentStore(path: settings.databasePath)
        } catch {
            throw HostAgentError.database(settings.databasePath, of: settings.name, error)
        }
    }

    /// The vault's sentence, when it said that another agent is this host now; nil otherwise.
    package func replacedBecause() async throws -> String? {
        let sentence = try await database.read { try String.fetchOne($0, sql: "SELECT replacedBecause FROM host") }
        return sentence.flatMap { $0.isEmpty ? nil : $0 }
    }

    package func setReplaced(because sentence: String?) async throws {
        try await database.write { database in
            try database.execute(sql: "UPDATE host SET replacedBecause = ?", arguments: [sentence ?? ""])
        }
    }

    /// Counts the starts of this agent, because inventory reports are numbered across them.
    package func nextRun() async throws -> UInt64 {
        try await database.write { database in
            try database.execute(sql: "UPDATE host SET runs = runs + 1")
            guard let runs = try Int64.fetchOne(database, sql: "SELECT runs FROM host") else {
                throw HostAgentError.corruptState("it has no host", facts: [:])
            }
            return UInt64(runs)
        }
    }

    // MARK: Source role

    package struct SourceRecord: Sendable, Equatable {
        package var protection: String
        package var guest: String
        package var generation: UInt64
        package var ledger: CheckpointLedger

        package init(protection: String, guest: String, generation: UInt64, ledger: CheckpointLedger) {
            self.protection = protection
            self.guest = guest
            self.generation = generation
            self.ledger = ledger
        }
    }

    package func sources() async throws -> [SourceRecord] {
        try await database.read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM source ORDER BY protection").map { row in
                let ledger = CheckpointLedger(
                    acknowledged: (row["acknowledgedCycle"] as Int64?).map(UInt64.init(_:)),
                    candidate: (row["candidateCycle"] as Int64?).map(UInt64.init(_:)))
                try ledger.checkInvariants()
                return SourceRecord(
                    protection: row["protection"], guest: row["guest"],
                    generation: UInt64(row["generation"] as Int64), ledger: ledger)
            }
        }
    }

    package func save(_ record: SourceRecord) async throws {
        try record.ledger.checkInvariants()
        try await database.write { database in
            try database.execute(
                sql: """
                    INSERT INTO source (protection, guest, generation, acknowledgedCycle, candidateCycle)
                    VALUES (?, ?, ?, ?, ?)
                    ON CONFLICT (protection) DO UPDATE SET guest = excluded.guest, generation = excluded.generation,
                        acknowledgedCycle = excluded.acknowledgedCycle, candidateCycle = excluded.candidateCycle
                    """,
                arguments: [
                    record.protection, record.guest, Int64(record.generation),
                    record.ledger.acknowledged.map { Int64($0) }, record.ledger.candidate.map { Int64($0) },
                ])
        }
    }

    // MARK: Target role

    /// Generations of protections whose replica was deleted; a replica that exists remembers its own.
    package func retiredGeneration(of protection: String) async throws -> UInt64 {
        try await database.read { database in
            let generation = try Int64.fetchOne(
                database, sql: "SELECT generation FROM retiredReplica WHERE protection = ?", arguments: [protection])
            return UInt64(generation ?? 0)
        }
    }

    package func retire(protection: String, generation: UInt64) async throws {
        try await database.write { database in
            try database.execute(
                sql: """
                    INSERT INTO retiredReplica (protection, generation) VALUES (?, ?)
                    ON CONFLICT (protection) DO UPDATE SET generation = max(generation, excluded.generation)
                    """,
                arguments: [protection, Int64(generation)])
        }
    }

    // MARK: Processes

    /// A process of ours as the system tells it: the number alone is used again by others.
    package struct ProcessRecord: Sendable, Equatable {
        package var process: Int32
        /// Clock ticks since the machine started; field 22 of proc_pid_stat(5).
        package var startTicks: UInt64
        package var socket: String

        package init(process: Int32, startTicks: UInt64, socket: String) {
            self.process = process
            self.startTicks = startTicks
            self.socket = socket
        }
    }

    package func processes() async throws -> [ProcessRecord] {
        try await database.read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM viewProcess ORDER BY process").map { row in
                ProcessRecord(
                    process: Int32(truncatingIfNeeded: row["process"] as Int64),
                    startTicks: UInt64(row["startTicks"] as Int64), socket: row["socket"])
            }
        }
    }

    package func enter(_ record: ProcessRecord) async throws {
        try await database.write { database in
            try database.execute(
                sql: "INSERT OR REPLACE INTO viewProcess (process, startTicks, socket) VALUES (?, ?, ?)",
                arguments: [Int64(record.process), Int64(record.startTicks), record.socket])
        }
    }

    package func remove(process: Int32) async throws {
        try await database.write { database in
            try database.execute(sql: "DELETE FROM viewProcess WHERE process = ?", arguments: [Int64(process)])
        }
    }
}
