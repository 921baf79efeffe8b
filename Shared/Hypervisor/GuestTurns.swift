import Synchronization

/// Lets one task at a time work on a guest; the others wait in the order in which they came.
final class GuestTurns: Sendable {
    private let waiting = Mutex<[String: [CheckedContinuation<Void, Never>]]>([:])

    func take<T: Sendable>(_ guest: String, _ body: () async throws -> T) async rethrows -> T {
        await withCheckedContinuation { continuation in
            let isFree = waiting.withLock { waiting in
                guard waiting[guest] != nil else {
                    waiting[guest] = []
                    return true
                }
                waiting[guest]!.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
        defer { passOn(guest) }
        return try await body()
    }

    /// Whether a task works on the guest at this moment.
    func isTaken(_ guest: String) -> Bool { waiting.withLock { $0[guest] != nil } }

    private func passOn(_ guest: String) {
        let next: CheckedContinuation<Void, Never>? = waiting.withLock { waiting in
            guard var line = waiting[guest], !line.isEmpty else {
                waiting[guest] = nil
                return nil
            }
            let next = line.removeFirst()
            waiting[guest] = line
            return next
        }
        next?.resume()
    }
}
