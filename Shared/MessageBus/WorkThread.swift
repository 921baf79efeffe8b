import Glibc
import Synchronization

/// A thread of its own on which one task runs, so that the task may block on a disk without holding up anybody else.
///
/// @unchecked because: `condition` and `lock` are POSIX objects that live as long as this does; the queue behind them
/// is touched only with the lock held.
final class WorkThread: TaskExecutor, @unchecked Sendable {
    private let lock: UnsafeMutablePointer<pthread_mutex_t> = .allocate(capacity: 1)
    private let condition: UnsafeMutablePointer<pthread_cond_t> = .allocate(capacity: 1)
    private var jobs: [UnownedJob] = []
    private var isEnding = false

    private init() {
        lock.initialize(to: pthread_mutex_t())
        condition.initialize(to: pthread_cond_t())
        pthread_mutex_init(lock, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(lock)
        condition.deallocate()
        lock.deallocate()
    }

    static func start(name: String) throws(ThreadStartError) -> WorkThread {
        let thread = WorkThread()
        pthread_detach(try startThread(name: name) { thread.run() })
        return thread
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        pthread_mutex_lock(lock)
        jobs.append(job)
        pthread_cond_signal(condition)
        pthread_mutex_unlock(lock)
    }

    /// The thread ends when its queue is empty; nothing may be enqueued any more by then.
    func end() {
        pthread_mutex_lock(lock)
        isEnding = true
        pthread_cond_signal(condition)
        pthread_mutex_unlock(lock)
    }

    private func run() {
        while true {
            pthread_mutex_lock(lock)
            while jobs.isEmpty && !isEnding { pthread_cond_wait(condition, lock) }
            let work = jobs
            jobs.removeAll(keepingCapacity: true)
            pthread_mutex_unlock(lock)
            if work.isEmpty { return }
            for job in work { job.runSynchronously(on: asUnownedTaskExecutor()) }
        }
    }
}
