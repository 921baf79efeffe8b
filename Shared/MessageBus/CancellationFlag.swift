import Synchronization

/// Set once a task was cancelled, before its cancellation is handed to another thread, so that work which arrives
/// there later is still known to be cancelled.
final class CancellationFlag: Sendable {
    private let flag = Atomic(false)

    func set() { flag.store(true, ordering: .releasing) }

    var isSet: Bool { flag.load(ordering: .acquiring) }
}
