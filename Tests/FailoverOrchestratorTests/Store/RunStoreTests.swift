import Foundation
import GRDB
import Testing

@testable import FailoverOrchestrator

/// What every store must do.
@Suite struct RunStoreTests {
    enum Kind: CaseIterable, Sendable { case memory, database }

    /// A store, and a way to open it again as after a restart.
    private func withStore(
        _ kind: Kind, path: String? = nil, _ body: (any RunStore, () throws -> any RunStore) async throws -> Void
    ) async throws {
        let directory = URL(filePath: path ?? "/tmp/bsc-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let memory = MemoryRunStore()
        let open: () throws -> any RunStore = {
            switch kind {
            case .memory: memory
            case .database: try DatabaseRunStore(path: directory.appendingPathComponent("orchestrator.sqlite").path)
            }
        }
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body(try open(), open))
        } catch {
            outcome = .failure(error)
        }
        try FileManager.default.removeItem(at: directory)
        try outcome.get()
    }

    /// A record with something in every field.
    private func full() throws -> RunRecord {
        var runner = try ModelRunner(Samples.request(.planned), in: ModelWorld())
        try runner.walk()
        var record = runner.record
        record.id = UUID().uuidString.lowercased()
        record.facts.generation = .max
        record.warn("mind the gap")
        return record
    }

    @Test(arguments: Kind.allCases)
    func `a run is there again after a restart, as it was`(kind: Kind) async throws {
        try await withStore(kind) { store, reopen in
            let ended = try full()
            let open = try Samples.record(Samples.request(.unplanned), registry: Samples.registry())
            try await store.apply([.put(ended), .put(open)])
            try await store.close()
            let again = try reopen()
            #expect(Set(try await again.load()) == [ended, open])
            try await again.close()
        }
    }

    @Test(arguments: Kind.allCases)
    func `the newest record of a run counts, and a removed one is gone`(kind: Kind) async throws {
        try await withStore(kind) { store, _ in
            var record = try Samples.record(Samples.request(.test), registry: Samples.registry())
            let other = try full()
            try await store.apply([.put(record), .put(other)])
            record.warn("later")
            try await store.apply([.put(record), .remove(other.id)])
            #expect(try await store.load() == [record])
            try await store.apply([])
            try await store.close()
        }
    }

    @Test(arguments: Kind.allCases)
    func `a batch with a record that contradicts itself changes nothing`(kind: Kind) async throws {
        try await withStore(kind) { store, _ in
            let good = try full()
            var bad = try Samples.record(Samples.request(.test), registry: Samples.registry())
            bad.endedAt = Samples.start
            await #expect(throws: OrchestratorError.self) { try await store.apply([.put(good), .put(bad)]) }
            #expect(try await store.load().isEmpty)
            try await store.close()
        }
    }

    @Test func `a second orchestrator on the same database is refused`() async throws {
        try await withStore(.database) { store, reopen in
            let error = #expect(throws: OrchestratorError.self) { try reopen() }
            #expect(error?.code == .unavailable)
            try await store.close()
        }
    }

    @Test func `a damaged record is named and not guessed`() async throws {
        let directory = "/tmp/bsc-\(UUID().uuidString.prefix(8))"
        try await withStore(.database, path: directory) { store, reopen in
            let record = try full()
            try await store.apply([.put(record)])
            try await store.close()
            let queue = try DatabaseQueue(path: "\(directory)/orchestrator.sqlite")
            try await queue.write { try $0.execute(sql: "UPDATE run SET document = '{}'") }
            try queue.close()
            let again = try reopen()
            let error = await #expect(throws: OrchestratorError.self) { try await again.load() }
            #expect(error?.code == .corruptData && error?.message.contains(record.id) == true)
            try await again.close()
        }
    }
}
