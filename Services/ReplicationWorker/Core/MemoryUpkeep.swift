/// When a worker gives back the memory that its jobs freed: while there are some, and once after the last, because a worker
/// without work has freed nothing.
struct MemoryUpkeep: Sendable {
    /// Jobs whose freed memory was given back after they had ended.
    private var settled: UInt64 = 0

    /// Asked every `ReplicationWorkerLimits.memoryInterval`; what it says is done.
    ///
    /// - Parameters:
    ///   - begun: jobs that were begun since the start, counted before `running`.
    ///   - running: those that have not ended.
    mutating func isDue(begun: UInt64, running: Int) -> Bool {
        guard running > 0 || begun != settled else { return false }
        // Those that still run free more.
        if running == 0 { settled = begun }
        return true
    }
}
