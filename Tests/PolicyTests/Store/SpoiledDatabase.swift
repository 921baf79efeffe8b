import GRDB

/// Does to a database what we never do.
enum SpoiledDatabase {
    static func execute(_ sql: String, path: String) async throws {
        let queue = try DatabaseQueue(path: path)
        try await queue.write { try $0.execute(sql: sql) }
        try queue.close()
    }
}
