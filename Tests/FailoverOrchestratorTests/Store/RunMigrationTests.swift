import Foundation
import GRDB
import Testing

@testable import FailoverOrchestrator

/// Runs that an earlier release stored, opened by this one. A file per record as it was written, kept for ever: a field
/// that comes later has to be optional, and one that goes must not be missed.
@Suite struct RunMigrationTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../Golden").standardizedFileURL

    /// By the migration that the file of the database had seen: the records in it.
    private static let records = ["2026-11-25 runs": ["succeeded", "failed", "waiting", "taken-back", "test"]]

    /// Earlier ones, and the newest: a document changes without a migration.
    @Test func `every file is among them`() throws {
        #expect(Set(Self.records.keys) == Set(DatabaseRunStore.migrator.migrations))
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
            .filter { $0.hasSuffix(".json") }
        #expect(Set(files) == Set(Self.records.values.joined().map { "run-\($0).json" }))
    }

    @Test(arguments: DatabaseRunStore.migrator.migrations)
    func `a stored run is what it was`(migration: String) async throws {
        let names = try #require(Self.records[migration])
        let directory = URL(filePath: "/tmp/bsc-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let path = directory.appending(path: "orchestrator.sqlite").path
        let queue = try DatabaseQueue(path: path)
        try DatabaseRunStore.migrator.migrate(queue, upTo: migration)
        for (number, name) in names.enumerated() {
            let document = try Data(contentsOf: Self.folder.appending(path: "run-\(name).json"))
            try await queue.write { database in
                try database.execute(
                    sql: """
                        INSERT INTO run (id, protection, kind, isEnded, requestedAt, document) VALUES (?, ?, ?, ?, ?, ?)
                        """,
                    arguments: ["\(number)", "p", "planned", 0, 0, document])
            }
        }
        try queue.close()
        let store = try DatabaseRunStore(path: path)
        let loaded = try await store.load()
        #expect(loaded.count == names.count)
        for (record, name) in zip(loaded, names) {
            try record.checkInvariants()
            let document = try Data(contentsOf: Self.folder.appending(path: "run-\(name).json"))
            let before = try JSONSerialization.jsonObject(with: document)
            let after = try JSONSerialization.jsonObject(with: JSONEncoder().encode(record))
            #expect(Self.missing(before, in: after) == [], "\(name)")
            // It can be gone on with, or is over.
            var machine = RunStateMachine(record)
            if !record.isEnded { #expect(try !machine.handle(.begun, now: record.requestedAt + 1_000_000).isEmpty) }
        }
        try await store.close()
        try FileManager.default.removeItem(at: directory)
    }

    /// Paths of what an older document says and the newer one does not say alike.
    private static func missing(_ before: Any, in after: Any?, at path: String = "") -> [String] {
        switch (before, after) {
        case (let before as [String: Any], let after as [String: Any]):
            before.keys.sorted().flatMap { missing(before[$0] as Any, in: after[$0], at: "\(path)/\($0)") }
        case (let before as [Any], let after as [Any]) where before.count == after.count:
            before.indices.flatMap { missing(before[$0], in: after[$0], at: "\(path)/\($0)") }
        case (let before as NSObject, let after as NSObject) where before == after: []
        default: [path]
        }
    }
}
