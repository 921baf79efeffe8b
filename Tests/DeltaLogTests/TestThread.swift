import Synchronization
import Testing

@testable import DeltaLog

/// A thread of a test. What its body throws is told by `end`, on the test's own task: an expectation that fails on another
/// thread belongs to no test, and no summary would name it.
struct TestThread: Sendable {
    /// What the body saw was not what was expected.
    struct Mismatch: Error {
        let description: String
        init(_ description: String) { self.description = description }
    }

    private final class Outcome: Sendable {
        let failure = Mutex<(any Error)?>(nil)
        let hasEnded = Atomic(false)
    }

    private let outcome = Outcome()
    private let thread: WriterThread

    init(_ body: @escaping @Sendable () throws -> Void) throws {
        let outcome = outcome
        thread = try #require(
            WriterThread {
                do { try body() } catch { outcome.failure.withLock { $0 = error } }
                outcome.hasEnded.store(true, ordering: .releasing)
            })
    }

    /// The body has returned or thrown.
    var hasEnded: Bool { outcome.hasEnded.load(ordering: .acquiring) }

    /// Waits for the body's end. Throws what it threw.
    func end() throws {
        thread.join()
        if let failure = outcome.failure.withLock({ $0 }) { throw failure }
    }
}
