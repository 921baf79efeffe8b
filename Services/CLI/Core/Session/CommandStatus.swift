package import Messages

/// What `bascule` ends with. The numbers are promised: scripts branch on them, and the manual page lists them.
package enum CommandStatus: Int32, Sendable, CaseIterable {
    case ok = 0
    /// Something went wrong that no other number describes; the message says what.
    case failed = 1
    /// What the command names does not exist.
    case notFound = 3
    /// A rule forbids it now, it exists already, or somebody changed it meanwhile.
    case refused = 4
    /// A service, or something it needs, does not answer in time; the same command may succeed later.
    case unavailable = 5
    /// A checksum or a seal does not hold: data is damaged.
    case corrupt = 6
    /// A run stands still until something is done or comes back; the message says what. It is not lost.
    case waiting = 7
    /// The command line itself is wrong (EX_USAGE of sysexits.h).
    case usage = 64
    /// Ended by Ctrl-C or SIGTERM (128 + SIGINT, as shells count).
    case interrupted = 130

    package init(_ code: ErrorCode) {
        switch code {
        case .invalidArgument: self = .usage
        case .notFound: self = .notFound
        case .alreadyExists, .conflict, .staleGeneration, .wrongParent, .failedPrecondition, .resourceExhausted,
            .unsupportedVersion, .unimplemented:
            self = .refused
        case .unavailable, .deadlineExceeded: self = .unavailable
        case .corruptData: self = .corrupt
        case .leaseLost, .internal, .unspecified, .UNRECOGNIZED: self = .failed
        }
    }

    package init(_ code: OperatorError.Code) {
        switch code {
        case .usage: self = .usage
        case .notFound: self = .notFound
        case .refused: self = .refused
        case .unavailable: self = .unavailable
        case .corrupt: self = .corrupt
        case .waiting: self = .waiting
        case .failed: self = .failed
        }
    }
}
