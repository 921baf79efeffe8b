internal import Synchronization

/// Workbenches of the whole process. One is in use per thread that reads; the last few are kept with the record they
/// hold, because a guest reads a megabyte in small pieces.
final class WorkbenchPool: Sendable {
    static let shared = WorkbenchPool()

    /// The last is the one used last.
    private let idle = Mutex<[Idle]>([])

    /// Unchecked, because a workbench in this list is in nobody's hands, and leaves it under the lock.
    private struct Idle: @unchecked Sendable {
        let bench: RecordWorkbench
    }

    func withBench<Result>(
        for name: RecordWorkbench.Name, _ body: (RecordWorkbench) throws -> Result
    ) rethrows -> Result {
        let bench = take(for: name)
        defer { giveBack(bench) }
        return try body(bench)
    }

    private func take(for name: RecordWorkbench.Name) -> RecordWorkbench {
        let idle = idle.withLock { idle -> Idle? in
            if let index = idle.lastIndex(where: { $0.bench.held == name }) { return idle.remove(at: index) }
            return idle.count < DeltaLogLimits.keptDecodedRecords ? nil : idle.removeFirst()
        }
        return idle?.bench ?? RecordWorkbench()
    }

    private func giveBack(_ bench: RecordWorkbench) {
        let returned = Idle(bench: bench)
        idle.withLock { idle in
            idle.append(returned)
            if idle.count > DeltaLogLimits.keptDecodedRecords { idle.removeFirst() }
        }
    }
}
