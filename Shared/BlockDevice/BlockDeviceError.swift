/// What went wrong while reading a block device, with the evidence.
package struct BlockDeviceError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable, Hashable {
        /// The server could not be reached, or refused the export.
        case connectFailed
        /// The server does not offer a metadata context that is needed.
        case contextMissing
        /// The server went away or broke the protocol; nothing more can be read through this reader.
        case connectionLost
        /// The server was silent for longer than the stall timeout. The connection is given up.
        case stalled
        /// The server answered a request with an error. `errno` says which.
        case serverError
        /// The server's answer makes no sense (no progress, beyond the disk).
        case invalidReply
        /// The reader was closed while the request was under way.
        case closed
        /// The address is not one that can be read.
        case invalidAddress
    }

    package let code: Code
    /// One sentence for a person.
    package let message: String
    /// The library's own words, or the server's.
    package let cause: String
    /// The system's error number, or 0.
    package let errno: Int32
    /// What to do about it, or empty.
    package let remedy: String

    package init(_ code: Code, _ message: String, cause: String = "", errno: Int32 = 0, remedy: String = "") {
        self.code = code
        self.message = message
        self.cause = cause
        self.errno = errno
        self.remedy = remedy
    }

    /// The reader is of no more use: connect again.
    package var isConnectionLost: Bool {
        switch code {
        case .connectFailed, .connectionLost, .stalled, .closed, .invalidReply: true
        case .contextMissing, .serverError, .invalidAddress: false
        }
    }

    package var description: String {
        cause.isEmpty ? message : "\(message) (\(cause))"
    }
}
