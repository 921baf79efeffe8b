import Glibc

/// A number that only rises, and that threads can wait for.
final class WaitableCounter: @unchecked Sendable {
    // Unchecked, because the value is touched only while the C lock is held, which the compiler cannot see.
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private let risen: UnsafeMutablePointer<pthread_cond_t>
    private var value = 0

    init() {
        lock = .allocate(capacity: 1)
        risen = .allocate(capacity: 1)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_mutex_init(lock, nil)
        pthread_cond_init(risen, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(risen)
        pthread_mutex_destroy(lock)
        risen.deallocate()
        lock.deallocate()
    }

    func increment() {
        pthread_mutex_lock(lock)
        value += 1
        pthread_cond_broadcast(risen)
        pthread_mutex_unlock(lock)
    }

    /// - Parameter limit: nil waits for as long as it takes.
    /// - Returns: false when the time was over first.
    @discardableResult
    func wait(above bound: Int, within limit: Duration? = nil) -> Bool {
        var end = timespec()
        clock_gettime(CLOCK_MONOTONIC, &end)
        if let limit {
            end.tv_sec += Int(limit.components.seconds)
            end.tv_nsec += Int(limit.components.attoseconds / 1_000_000_000)
            if end.tv_nsec >= 1_000_000_000 {
                end.tv_sec += 1
                end.tv_nsec -= 1_000_000_000
            }
        }
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        while value <= bound {
            let result = limit == nil ? pthread_cond_wait(risen, lock) : pthread_cond_timedwait(risen, lock, &end)
            if result == ETIMEDOUT { return value > bound }
        }
        return true
    }
}
