import FoundationEssentials
import GRDB

/// What the images of guests looked like that were stopped by command.
extension AgentStore {
    func stoppedImages(_ protection: String) async throws -> StoppedImages? {
        try await database.read { database in
            let text = try String.fetchOne(
                database, sql: "SELECT images FROM stoppedGuest WHERE protection = ?", arguments: [protection])
            return try text.map { try JSONDecoder().decode(StoppedImages.self, from: Data($0.utf8)) }
        }
    }

    func save(_ images: StoppedImages, of protection: String) async throws {
        let text = String(decoding: try JSONEncoder().encode(images), as: UTF8.self)
        try await database.write { database in
            try database.execute(
                sql: "INSERT OR REPLACE INTO stoppedGuest (protection, images) VALUES (?, ?)",
                arguments: [protection, text])
        }
    }

    /// What the images looked like when their content had been kept aside; nil: it never was.
    func keptImages(_ protection: String) async throws -> StoppedImages? {
        try await database.read { database in
            let text = try String.fetchOne(
                database, sql: "SELECT images FROM keptGuest WHERE protection = ?", arguments: [protection])
            return try text.map { try JSONDecoder().decode(StoppedImages.self, from: Data($0.utf8)) }
        }
    }

    func save(kept images: StoppedImages, of protection: String) async throws {
        let text = String(decoding: try JSONEncoder().encode(images), as: UTF8.self)
        try await database.write { database in
            try database.execute(
                sql: "INSERT OR REPLACE INTO keptGuest (protection, images) VALUES (?, ?)",
                arguments: [protection, text])
        }
    }

    func removeStoppedImages(_ protection: String) async throws {
        try await database.write { database in
            try database.execute(sql: "DELETE FROM stoppedGuest WHERE protection = ?", arguments: [protection])
        }
    }
}
