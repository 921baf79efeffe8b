internal import Dispatch

/// Runs an actor on a serial queue of its own, because the database blocks and must not hold a thread of the
/// cooperative pool. What waits in the queue is bounded by the requests that the message bus lets in.
final class SerialQueueExecutor: SerialExecutor {
    private let queue: DispatchQueue

    init(label: String) { queue = DispatchQueue(label: label) }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }

    func checkIsolated() { dispatchPrecondition(condition: .onQueue(queue)) }
}
