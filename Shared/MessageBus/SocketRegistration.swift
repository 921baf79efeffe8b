/// One socket as its thread sees it: what it waits for, and whose turn it is when that happens.
///
/// @unchecked because: it is changed only on the socket thread, by the thread and by the actor that runs there.
final class SocketRegistration: @unchecked Sendable {
    let socket: SocketHandle
    var wantsRead = true
    /// Set while something waits to be sent.
    var wantsWrite = false
    /// When a turn is wanted even if nothing arrives.
    var deadline: ContinuousClock.Instant?
    var isDue = false
    private let take: @Sendable () -> Void

    /// `turn` runs on the thread, when the socket can be read or written as wanted, or the deadline is over.
    init(socket: SocketHandle, turn: @escaping @Sendable () -> Void) {
        self.socket = socket
        self.take = turn
    }

    func turn() {
        isDue = false
        take()
    }

    /// Brings the deadline forward; never puts it off.
    func wake(by instant: ContinuousClock.Instant?) {
        guard let instant else { return }
        deadline = deadline.map { min($0, instant) } ?? instant
    }
}

/// A socket's address, for polling only.
///
/// @unchecked because: only the socket thread uses it.
struct SocketHandle: @unchecked Sendable {
    let pointer: UnsafeMutableRawPointer
}
