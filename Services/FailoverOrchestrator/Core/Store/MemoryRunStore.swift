import Synchronization

/// A store that forgets with its process: for tests.
final class MemoryRunStore: RunStore {
    private let records = Mutex<[String: RunRecord]>([:])

    init() {}

    func load() async throws -> [RunRecord] {
        let all = records.withLock { Array($0.values) }
        for record in all { try record.checkInvariants() }
        return all
    }

    func apply(_ changes: [StoreChange]) async throws {
        try records.withLock { records in
            var next = records
            for change in changes {
                switch change {
                case .put(let record):
                    try record.checkInvariants()
                    next[record.id] = record
                case .remove(let id):
                    next[id] = nil
                }
            }
            records = next
        }
    }

    func close() async throws {}
}
