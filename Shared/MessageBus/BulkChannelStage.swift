/// Where a bulk channel stands with its connection.
enum BulkChannelStage {
    struct Registrations {
        let socket: SocketRegistration
        let monitor: SocketRegistration
    }

    /// Frames wait until there is a connection.
    case connecting(Registrations)
    case connected(Registrations)
    case closed

    var registrations: Registrations? {
        switch self {
        case .connecting(let registrations), .connected(let registrations): registrations
        case .closed: nil
        }
    }
}
