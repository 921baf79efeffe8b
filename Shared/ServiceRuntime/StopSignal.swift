import Synchronization

/// Tells every part of a service that it has to stop. Given once; waiting ends at once ever after.
package final class StopSignal: Sendable {
    private struct State {
        var isGiven = false
        var next = 0
        var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    package var isGiven: Bool { state.withLock { $0.isGiven } }

    package func give() {
        let waiting = state.withLock { state in
            state.isGiven = true
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Returns when the signal was given, or the task is cancelled.
    package func wait() async {
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.isGiven || Task.isCancelled { return true }
                    state.waiting[number] = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: number) }?.resume()
        }
    }

    /// Sleeps for `duration`, or less when the signal is given or the task is cancelled meanwhile. Returns whether the
    /// sleep was cut short.
    @discardableResult
    package func sleep(for duration: Duration) async -> Bool {
        await withTaskGroup(of: Bool.self) { race in
            race.addTask {
                do {
                    try await ContinuousClock().sleep(for: duration)
                    return false
                } catch {
                    // Sleeping fails only when it is cancelled.
                    return true
                }
            }
            race.addTask {
                await self.wait()
                return true
            }
            defer { race.cancelAll() }
            return await race.next() ?? true
        }
    }
}
