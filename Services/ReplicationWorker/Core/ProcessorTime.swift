import Glibc
import Synchronization

/// Processor time of this process, dealt out to the jobs as they end.
///
/// A job's work is spread over threads that other jobs use too, so it cannot be measured by itself; what was used since
/// the last job ended goes to the next one, and the sum over all jobs is right.
final class ProcessorTime: Sendable {
    private let taken = Mutex(0.0)

    /// Seconds that were used since it was taken last.
    func take() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        let now = Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        return taken.withLock { taken in
            defer { taken = now }
            return now - taken
        }
    }
}
