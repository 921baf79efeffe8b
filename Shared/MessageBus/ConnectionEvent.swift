/// What libzmq reports about a connection.
enum ConnectionEvent: Equatable, Sendable {
    case connected
    case disconnected
}
