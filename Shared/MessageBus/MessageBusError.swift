internal import CZeroMQ

/// What goes wrong when an endpoint is made. Failures of calls travel as `RemoteError` instead.
package struct MessageBusError: Error, Hashable, Sendable, CustomStringConvertible {
    package enum Code: Hashable, Sendable {
        /// The endpoint cannot be parsed, or its transport is neither tcp nor ipc.
        case badEndpoint
        /// Somebody else listens there.
        case addressInUse
        /// This host does not have that address.
        case addressNotAvailable
        case permissionDenied
        /// Sockets, descriptors or threads are used up.
        case outOfResources
        /// The bus was shut down.
        case shutDown
        case systemError
    }

    package var code: Code
    package var message: String
    package var remedy: String
    package var endpoint: String
    /// libzmq's or the system's number; 0 when there was none.
    package var errorNumber: Int32

    init(_ code: Code, _ message: String, remedy: String, endpoint: String = "", errorNumber: Int32 = 0) {
        self.code = code
        self.message = message
        self.remedy = remedy
        self.endpoint = endpoint
        self.errorNumber = errorNumber
    }

    /// Reads libzmq's thread-local error, so it is called right after the call that failed.
    static func last(_ action: String, endpoint: String = "") -> MessageBusError {
        let number = zmq_errno()
        let (code, remedy): (Code, String) =
            switch number {
            case EINVAL, EPROTONOSUPPORT, ENODEV:
                (.badEndpoint, "Write it as tcp://address:port or ipc:///path.")
            case EADDRINUSE: (.addressInUse, "Choose another port, or stop what listens there.")
            case EADDRNOTAVAIL: (.addressNotAvailable, "Use an address that this host has.")
            case EACCES, EPERM: (.permissionDenied, "Use a port above 1023, or a path that may be written.")
            case EMFILE, ENFILE, ENOMEM, EAGAIN: (.outOfResources, "Raise the limit of open files (ulimit -n).")
            case ETERM: (.shutDown, "Make endpoints before the bus is shut down.")
            default: (.systemError, "See the reason.")
            }
        return MessageBusError(
            code, "\(action): \(String(cString: zmq_strerror(number))).", remedy: remedy, endpoint: endpoint,
            errorNumber: number)
    }

    package var description: String {
        endpoint.isEmpty ? "\(message) \(remedy)" : "\(endpoint): \(message) \(remedy)"
    }
}
