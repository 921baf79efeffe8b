import Synchronization

/// What a bus has made and nobody has stopped yet, with how to stop it.
final class OpenEndpoints: Sendable {
    typealias Stop = @Sendable () async -> Void

    private enum State {
        case open(SocketThread?, stops: [(number: UInt64, stop: Stop)])
        case shutDown
    }

    private let state = Mutex((State.open(nil, stops: []), nextNumber: UInt64(0)))

    /// The thread of the control sockets, if it was started. Throws after shutdown.
    func controlThread() throws(MessageBusError) -> SocketThread? {
        let state = state.withLock { $0.0 }
        switch state {
        case .open(let thread, _): return thread
        case .shutDown: throw Self.shutDownError
        }
    }

    /// Keeps the thread unless there is one already; returns the one that stays, or nil after shutdown.
    func keep(_ thread: SocketThread) -> SocketThread? {
        state.withLock { state in
            guard case .open(let existing, let stops) = state.0 else { return nil }
            state.0 = .open(existing ?? thread, stops: stops)
            return existing ?? thread
        }
    }

    /// Returns a number to `forget` it by, or nil after shutdown: then the caller stops it itself.
    func add(_ stop: @escaping Stop) -> UInt64? {
        state.withLock { state in
            guard case .open(let thread, let stops) = state.0 else { return nil }
            state.nextNumber += 1
            state.0 = .open(thread, stops: stops + [(state.nextNumber, stop)])
            return state.nextNumber
        }
    }

    func forget(_ number: UInt64) {
        state.withLock { state in
            guard case .open(let thread, var stops) = state.0 else { return }
            stops.removeAll { $0.number == number }
            state.0 = .open(thread, stops: stops)
        }
    }

    /// Everything, newest first, because what was made later often uses what was made before. Nil the second time.
    func shutDown() -> (thread: SocketThread?, stops: [Stop])? {
        state.withLock { state in
            guard case .open(let thread, let stops) = state.0 else { return nil }
            state.0 = .shutDown
            return (thread, stops.reversed().map(\.stop))
        }
    }

    static let shutDownError = MessageBusError(
        .shutDown, "The bus was shut down.", remedy: "Make endpoints before that.")
}
