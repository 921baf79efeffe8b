import BlockDevice
import Glibc

/// The threads that jobs run on, apart from Swift's cooperative pool: packing and sealing hold a thread for
/// milliseconds at a time, and that pool has one thread per core for every message of the process.
///
/// What waits for a thread is bounded, because each job has at most a handful of tasks and jobs are bounded by slots.
///
/// @unchecked because: the queue is touched with the mutex held, and mutex and condition live as long as the object.
final class JobThreads: TaskExecutor, @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let arrived = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var queue: [UnownedJob] = []
    private var head = 0
    private var isEnding = false

    init(count: Int) {
        precondition(count > 0, "work needs a thread")
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(arrived, nil)
        for number in 1...count {
            DedicatedThread.start(name: "job-\(number)") { self.work() }
        }
    }

    deinit {
        pthread_cond_destroy(arrived)
        pthread_mutex_destroy(mutex)
        arrived.deallocate()
        mutex.deallocate()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        pthread_mutex_lock(mutex)
        queue.append(job)
        pthread_cond_signal(arrived)
        pthread_mutex_unlock(mutex)
    }

    /// Lets the threads end when the queue is empty. Nothing may be run afterwards. Repeating it does nothing.
    func end() {
        pthread_mutex_lock(mutex)
        isEnding = true
        pthread_cond_broadcast(arrived)
        pthread_mutex_unlock(mutex)
    }

    private func work() {
        let executor = asUnownedTaskExecutor()
        while let job = next() { job.runSynchronously(on: executor) }
    }

    private func next() -> UnownedJob? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while head == queue.count {
            if isEnding { return nil }
            pthread_cond_wait(arrived, mutex)
        }
        let job = queue[head]
        head += 1
        // Because removing the first of an array moves all others, taken ones are dropped in batches.
        if head == queue.count || head >= 1_024 {
            queue.removeFirst(head)
            head = 0
        }
        return job
    }
}
