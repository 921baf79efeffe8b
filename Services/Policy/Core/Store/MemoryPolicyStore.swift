import Synchronization

/// A store that forgets with its process: for tests and simulation.
final class MemoryPolicyStore: PolicyStore {
    private struct Contents: Sendable {
        var state = StoredState()
        var reports: [ProtectionIdentifier: [CycleReport]] = [:]
    }

    private let contents: Mutex<Contents>

    init() { contents = Mutex(Contents()) }

    /// Another store with the same content, from which on each goes its own way.
    init(copying other: MemoryPolicyStore) {
        let copied = other.contents.withLock { $0 }
        contents = Mutex(copied)
    }

    func load() async throws -> StoredState { loadNow() }

    func apply(_ changes: [StoreChange]) async throws { try applyNow(changes) }

    func history(of protection: ProtectionIdentifier, limit: Int) async throws -> [CycleReport] {
        historyNow(of: protection, limit: limit)
    }

    func close() async throws {}

    /// Without suspension, for drivers that run everything in one thread.
    func loadNow() -> StoredState { contents.withLock { $0.state } }

    func historyNow(of protection: ProtectionIdentifier, limit: Int) -> [CycleReport] {
        contents.withLock { Array(($0.reports[protection] ?? []).reversed().prefix(limit)) }
    }

    func applyNow(_ changes: [StoreChange]) throws {
        try contents.withLock { contents in
            var next = contents
            for change in changes { try Self.apply(change, to: &next) }
            contents = next
        }
    }

    private static func apply(_ change: StoreChange, to contents: inout Contents) throws {
        switch change {
        case .putPolicy(let settings):
            try settings.checkInvariants()
            contents.state.policies[settings.name] = settings
        case .deletePolicy(let name):
            contents.state.policies[name] = nil
        case .putProgress(let progress):
            try progress.checkInvariants()
            contents.state.progress[progress.protection] = progress
        case .putOpenCycle(let record):
            try record.checkInvariants()
            contents.state.openCycles[record.protection] = record
        case .clearOpenCycle(let id):
            contents.state.openCycles[id] = nil
        case .appendReport(let id, let report):
            var reports = contents.reports[id] ?? []
            reports.append(report)
            contents.reports[id] = Array(reports.suffix(PolicyLimits.historyMaximum))
            if report.error == nil { contents.state.lastReports[id] = report }
        case .forget(let id):
            contents.state.progress[id] = nil
            contents.state.openCycles[id] = nil
            contents.state.lastReports[id] = nil
            contents.reports[id] = nil
        case .putDrained(let worker, let seenAt):
            contents.state.drained[worker] = seenAt
        case .clearDrained(let worker):
            contents.state.drained[worker] = nil
        case .putRegistry(let change):
            _ = contents.state.registry.apply(change, sameEpoch: false)
        case .putEpoch(let epoch):
            contents.state.epoch = epoch
        }
    }
}
