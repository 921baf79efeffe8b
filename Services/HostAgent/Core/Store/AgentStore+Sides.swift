import GRDB

/// What is remembered of sides, and of guests that were started on disks of their own.
extension AgentStore {
    package func sides() async throws -> [String: SideStateMachine] {
        try await database.read { database in
            var sides: [String: SideStateMachine] = [:]
            for row in try Row.fetchAll(database, sql: "SELECT * FROM side") {
                let side = SideStateMachine(
                    guest: row["guest"], generation: UInt64(row["generation"] as Int64),
                    standing: try Self.standing(row["fence"]), activeHost: row["activeHost"],
                    autostart: (row["autostartBefore"] as Bool?).map { .withheld(before: $0) } ?? .untouched,
                    links: (row["linksCut"] as Bool) ? .cut : .untouched, lateShutdown: LateShutdown(row))
                try side.checkInvariants()
                sides[row["protection"]] = side
            }
            return sides
        }
    }

    package func save(_ side: SideStateMachine, of protection: String) async throws {
        try side.checkInvariants()
        let fence: String? =
            switch side.standing {
            case .active: nil
            case .passive(let fence): fence.rawValue
            }
        let before: Bool? =
            switch side.autostart {
            case .untouched: nil
            case .withheld(let before): before
            }
        try await database.write { database in
            // An upsert, because whether it has ended stays as it is.
            try database.execute(
                sql: """
                    INSERT INTO side (
                        protection, guest, generation, fence, activeHost, autostartBefore, linksCut, toldRun,
                        startAgainUntil)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (protection) DO UPDATE SET
                        guest = excluded.guest, generation = excluded.generation, fence = excluded.fence,
                        activeHost = excluded.activeHost, autostartBefore = excluded.autostartBefore,
                        linksCut = excluded.linksCut, toldRun = excluded.toldRun,
                        startAgainUntil = excluded.startAgainUntil
                    """,
                arguments: [
                    protection, side.guest, Int64(side.generation), fence, side.activeHost, before, side.links == .cut,
                    side.lateShutdown.toldRun, side.lateShutdown.startAgainUntil,
                ])
        }
    }

    func endedSides() async throws -> Set<String> {
        try await database.read { database in
            try String.fetchSet(database, sql: "SELECT protection FROM side WHERE hasEnded")
        }
    }

    func markEnded(_ protection: String) async throws {
        try await database.write { database in
            try database.execute(sql: "UPDATE side SET hasEnded = 1 WHERE protection = ?", arguments: [protection])
        }
    }

    package func removeSide(of protection: String) async throws {
        try await database.write { database in
            try database.execute(sql: "DELETE FROM side WHERE protection = ?", arguments: [protection])
        }
    }

    private static func standing(_ fence: String?) throws -> SideStateMachine.Standing {
        guard let fence else { return .active }
        guard let known = SideStateMachine.Fence(rawValue: fence) else {
            throw HostAgentError.corruptState("it names a fence that is unknown", facts: ["fence": fence])
        }
        return .passive(known)
    }

    // MARK: Guests on their own disks

    /// A guest that was started on adopted disks, whose replica directory is gone by now.
    package struct StartedOnBase: Sendable, Equatable {
        package var protection: String
        package var generation: UInt64
        package var guest: StartedGuest

        package init(protection: String, generation: UInt64, guest: StartedGuest) {
            self.protection = protection
            self.generation = generation
            self.guest = guest
        }
    }

    package func startedOnBase(_ protection: String) async throws -> StartedOnBase? {
        try await database.read { database in
            try Row.fetchOne(database, sql: "SELECT * FROM startedOnBase WHERE protection = ?", arguments: [protection])
                .map(StartedOnBase.init(_:))
        }
    }

    /// All of them in one reading, because every report names them.
    func everyStartedOnBase() async throws -> [StartedOnBase] {
        try await database.read { database in
            try Row.fetchAll(database, sql: "SELECT * FROM startedOnBase ORDER BY protection")
                .map(StartedOnBase.init(_:))
        }
    }

    package func save(_ started: StartedOnBase) async throws {
        try await database.write { database in
            try database.execute(
                sql: """
                    INSERT OR REPLACE INTO startedOnBase
                        (protection, generation, cycle, guest, guestName, startMilliseconds, runningUnixMilliseconds)
                    VALUES (?, ?, ?, ?, ?, ?, ?)
                    """,
                arguments: [
                    started.protection, Int64(started.generation), Int64(started.guest.cycle), started.guest.uuid,
                    started.guest.name, Int64(started.guest.startMilliseconds), started.guest.runningUnixMilliseconds,
                ])
        }
    }

    package func removeStartedOnBase(_ protection: String) async throws {
        try await database.write { database in
            try database.execute(sql: "DELETE FROM startedOnBase WHERE protection = ?", arguments: [protection])
        }
    }
}

extension LateShutdown {
    fileprivate init(_ row: Row) {
        switch (row["toldRun"] as UInt32?, row["startAgainUntil"] as Int64?) {
        case (nil, _): self = .none
        case (let run?, nil): self = .told(run: run)
        case (let run?, let until?): self = .unwanted(run: run, untilUnixMilliseconds: until)
        }
    }

    fileprivate var toldRun: Int64? {
        switch self {
        case .none: nil
        case .told(let run), .unwanted(let run, _): Int64(run)
        }
    }

    fileprivate var startAgainUntil: Int64? {
        switch self {
        case .none, .told: nil
        case .unwanted(_, let until): until
        }
    }
}

extension AgentStore.StartedOnBase {
    fileprivate init(_ row: Row) {
        self.init(
            protection: row["protection"], generation: UInt64(row["generation"] as Int64),
            guest: StartedGuest(
                uuid: row["guest"], name: row["guestName"], cycle: UInt64(row["cycle"] as Int64),
                startMilliseconds: UInt64(row["startMilliseconds"] as Int64),
                runningUnixMilliseconds: row["runningUnixMilliseconds"], warnings: []))
    }
}
