import GRDB

extension DatabasePolicyStore {
    /// Append only: a migration that was released is never edited. Whole numbers of 64 bits without a sign are stored
    /// as the signed number of the same bits, because SQLite has no other.
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("2026-11-23 policies, registry copy, cycles") { database in
            try createPolicies(database)
            try createRegistry(database)
            try createCycles(database)
        }
        migrator.registerMigration("2026-11-25 failover") { database in try addFailover(database) }
        migrator.registerMigration("2026-11-26 workers") { database in try addWorkers(database) }
        migrator.registerMigration("2026-11-26 drained workers seen") { database in
            try database.alter(table: "drainedWorker") { table in
                table.add(column: "seenAt", .integer).notNull().defaults(to: 0)
            }
        }
        migrator.registerMigration("2026-11-27 consistency that was asked for") { database in
            try database.alter(table: "progress") { table in table.add(column: "askedConsistency", .text) }
        }
        return migrator
    }

    /// What was there before has no schedule, and nobody was drained.
    private static func addWorkers(_ database: Database) throws {
        try database.alter(table: "policy") { table in
            table.add(column: "bandwidthSchedule", .text).notNull().defaults(to: "")
            table.add(column: "timeZone", .text).notNull().defaults(to: "")
        }
        try database.create(table: "cloud") { table in
            table.primaryKey("name", .text)
            table.column("site", .text).notNull()
        }
        try database.create(table: "drainedWorker") { table in table.primaryKey("name", .text) }
    }

    /// What was there before is as if nothing had ever failed over.
    private static func addFailover(_ database: Database) throws {
        try database.alter(table: "policy") { table in
            table.add(column: "shutdownLimitSeconds", .integer).notNull().defaults(to: 120)
            table.add(column: "whenShutdownFails", .text).notNull().defaults(to: "stop")
        }
        try database.alter(table: "protection") { table in
            table.add(column: "direction", .text).notNull().defaults(to: "forward")
            table.add(column: "activeSide", .text).notNull().defaults(to: "source")
            table.add(column: "run", .text).notNull().defaults(to: "")
            table.add(column: "failoverCycle", .integer).notNull().defaults(to: 0)
            table.add(column: "alarm", .text).notNull().defaults(to: "")
        }
        try database.alter(table: "progress") { table in
            table.add(column: "holder", .text).notNull().defaults(to: "")
            table.add(column: "askedCycle", .integer)
            table.add(column: "doubtfulCycle", .integer).notNull().defaults(to: 0)
        }
        for table in ["openCycle", "report"] {
            try database.alter(table: table) { table in
                table.add(column: "offline", .boolean).notNull().defaults(to: false)
            }
        }
    }

    private static func createPolicies(_ database: Database) throws {
        try database.create(table: "policy") { table in
            table.primaryKey("name", .text)
            for column in [
                "frequencySeconds", "everyCycleSeconds", "hourlySeconds", "dailySeconds",
                "applicationConsistentEverySeconds", "bandwidthBytesPerSecond", "initialNotBeforeUnixSeconds",
                "freezeLimitMilliseconds", "version",
            ] {
                table.column(column, .integer).notNull()
            }
            table.column("compression", .text).notNull()
        }
        try database.create(table: "note") { table in
            table.primaryKey("name", .text)
            table.column("value", .blob).notNull()
        }
    }

    private static func createRegistry(_ database: Database) throws {
        try database.create(table: "host") { table in
            table.primaryKey("id", .text)
            table.column("name", .text).notNull()
            table.column("controlEndpoint", .text).notNull()
        }
        try database.create(table: "cloudPair") { table in
            table.primaryKey {
                table.column("sourceCloud", .text)
                table.column("targetCloud", .text)
            }
            table.column("policy", .text).notNull()
        }
        try database.create(table: "protection") { table in
            table.primaryKey("id", .text)
            for column in [
                "guestUUID", "guestName", "sourceHost", "targetHost", "sourceCloud", "targetCloud", "state",
                "policyOverride", "stateReason",
            ] {
                table.column(column, .text).notNull()
            }
            table.column("generation", .integer).notNull()
            table.column("version", .integer).notNull()
            table.column("keepReplica", .boolean).notNull()
        }
    }

    private static func createCycles(_ database: Database) throws {
        try database.create(table: "progress") { table in
            table.primaryKey("protection", .text)
            table.column("lastNumber", .integer).notNull()
            table.column("parent", .integer).notNull()
            table.column("needKind", .text).notNull()
            table.column("needReason", .text).notNull()
            table.column("newestCycle", .integer)
            table.column("newestStartedAt", .integer)
            table.column("lastApplicationAt", .integer)
            table.column("settledVersion", .integer).notNull()
        }
        try database.create(table: "openCycle") { table in
            table.primaryKey("protection", .text)
            for column in [
                "generation", "cycle", "parent", "dueAt", "startedAt", "registryVersion", "capturedUnixMilliseconds",
                "changedBytes",
            ] {
                table.column(column, .integer).notNull()
            }
            for column in ["kind", "reason", "wanted", "reached", "sourceHost", "targetHost", "guestUUID", "stage"] {
                table.column(column, .text).notNull()
            }
        }
        try database.create(table: "report") { table in
            table.autoIncrementedPrimaryKey("number")
            table.column("protection", .text).notNull()
            for column in [
                "cycle", "capturedUnixMilliseconds", "endedAt", "durationMilliseconds", "changedBytes", "sentBytes",
            ] {
                table.column(column, .integer).notNull()
            }
            table.column("kind", .text).notNull()
            table.column("consistency", .text).notNull()
            table.column("reason", .text).notNull()
            table.column("errorCode", .text)
            table.column("errorMessage", .text)
            table.column("errorRemedy", .text)
        }
        try database.create(index: "reportOfProtection", on: "report", columns: ["protection", "number"])
    }
}
