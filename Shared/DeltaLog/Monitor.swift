internal import Glibc

/// A value guarded by a lock that threads can also wait on until the value is as they need it.
///
/// Who waits does so in a group, so that a change wakes only those whom it may concern: a thread that is woken in vain
/// costs two changes of context. `Synchronization.Mutex` cannot wait for a condition, and the threads that wait here are
/// not tasks. Unchecked, because every access to `state` happens between lock and unlock of `mutex`.
final class Monitor<State>: @unchecked Sendable {
    /// Whom a change wakes.
    enum Wake {
        case everyone
        case oneOf(group: Int)
        case noOne
    }

    private var state: State
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let groups: Int
    private let changed: UnsafeMutablePointer<pthread_cond_t>

    init(_ state: sending State, groups: Int = 1) {
        self.state = state
        self.groups = groups
        changed = .allocate(capacity: groups)
        changed.initialize(repeating: pthread_cond_t(), count: groups)
        mutex.initialize(to: pthread_mutex_t())
        precondition(pthread_mutex_init(mutex, nil) == 0)
        for group in 0..<groups { precondition(pthread_cond_init(changed + group, nil) == 0) }
    }

    deinit {
        for group in 0..<groups { pthread_cond_destroy(changed + group) }
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// Runs `body` alone, then wakes those who may go on.
    func update<Result>(waking wake: Wake = .everyone, _ body: (inout State) throws -> Result) rethrows -> Result {
        pthread_mutex_lock(mutex)
        defer {
            tell(wake)
            pthread_mutex_unlock(mutex)
        }
        return try body(&state)
    }

    /// Waits in `group` until `body` gives a value; runs it alone, again whenever it is woken, and then wakes others.
    func waitFor<Result>(
        in group: Int = 0, waking wake: Wake = .everyone, _ body: (inout State) throws -> Result?
    ) rethrows -> Result {
        pthread_mutex_lock(mutex)
        defer {
            tell(wake)
            pthread_mutex_unlock(mutex)
        }
        while true {
            if let result = try body(&state) { return result }
            pthread_cond_wait(changed + group, mutex)
        }
    }

    private func tell(_ wake: Wake) {
        switch wake {
        case .everyone: for group in 0..<groups { pthread_cond_broadcast(changed + group) }
        case .oneOf(let group): pthread_cond_signal(changed + group)
        case .noOne: break
        }
    }
}
