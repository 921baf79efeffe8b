import Synchronization

/// What happened and was not yet handled.
///
/// It needs no limit of its own, because everything in it has one: requests those of the server, answers one per call
/// that the engine made, and changes of the registry come one at a time, since `deliver` waits.
final class EventInbox: Sendable {
    fileprivate struct Item: Sendable {
        var event: EngineEvent
        var handled: CheckedContinuation<Void, Never>?
    }

    private struct State: Sendable {
        var items: [Item] = []
        var isClosed = false
        var waiting: CheckedContinuation<Void, Never>?
    }

    /// Events taken together, to be told when they are handled.
    struct Batch: Sendable {
        fileprivate var items: [Item]

        var events: [EngineEvent] { items.map(\.event) }

        func handled() { for item in items { item.handled?.resume() } }
    }

    private let state = Mutex(State())

    func post(_ event: EngineEvent) { add(Item(event: event, handled: nil)) }

    /// Returns when the event was handled.
    func deliver(_ event: EngineEvent) async {
        await withCheckedContinuation { add(Item(event: event, handled: $0)) }
    }

    /// Waits for events, at most until `deadline`. Empty: the time has come, or the task was cancelled.
    func take(until deadline: ContinuousClock.Instant?) async -> Batch {
        if let ready = takeNow() { return ready }
        await withTaskGroup(of: Void.self) { race in
            race.addTask { await self.arrival() }
            if let deadline {
                race.addTask {
                    do {
                        try await Task.sleep(until: deadline, tolerance: .milliseconds(1), clock: .continuous)
                    } catch {
                        // Cancelled: an event came first, and there is nothing left to wait for.
                    }
                }
            }
            await race.next()
            race.cancelAll()
        }
        return takeNow() ?? Batch(items: [])
    }

    /// Nobody will handle anything any more: whoever waits, goes on.
    func close() {
        let items = state.withLock { state in
            state.isClosed = true
            defer { state.items = [] }
            return state.items
        }
        Batch(items: items).handled()
    }

    private func add(_ item: Item) {
        let (waiting, isClosed) = state.withLock { state in
            if state.isClosed { return (CheckedContinuation<Void, Never>?.none, true) }
            state.items.append(item)
            defer { state.waiting = nil }
            return (state.waiting, false)
        }
        waiting?.resume()
        if isClosed { item.handled?.resume() }
    }

    private func takeNow() -> Batch? {
        state.withLock { state in
            guard !state.items.isEmpty else { return nil }
            defer { state.items = [] }
            return Batch(items: state.items)
        }
    }

    private func arrival() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    precondition(state.waiting == nil, "one task at a time takes events")
                    if !state.items.isEmpty || Task.isCancelled { return true }
                    state.waiting = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { state in
                defer { state.waiting = nil }
                return state.waiting
            }?.resume()
        }
    }
}
