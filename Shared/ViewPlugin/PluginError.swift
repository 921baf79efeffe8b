internal import CNbdkitPlugin
import Glibc
internal import Replica

/// What nbdkit and its client are told when something goes wrong.
struct PluginError: Error {
    /// Sent to the client.
    let number: Int32
    /// For nbdkit's log; nil when nbdkit has logged the error itself.
    let message: String?

    static let reported = PluginError(number: EIO, message: nil)

    init(_ number: Int32, _ message: String) {
        self.init(number: number, message: message)
    }

    private init(number: Int32, message: String?) {
        self.number = number
        self.message = message
    }

    init(_ error: any Error) {
        switch error {
        case let error as PluginError: self = error
        case let error as ReplicaError: self.init(Self.number(for: error.code), "\(error). \(error.remedy)")
        default: self.init(EIO, "\(error)")
        }
    }

    func report() {
        if let message { bascule_nbdkit_fail(number, message) }
    }

    private static func number(for code: ReplicaError.Code) -> Int32 {
        switch code {
        case .invalidArgument, .wrongParent, .staleGeneration, .cycleNotOpen: EINVAL
        case .notFound: ENOENT
        case .alreadyExists: EEXIST
        case .locked, .inUse: EBUSY
        case .spaceExhausted: ENOSPC
        case .limitExceeded, .corruptData, .spoilt, .system, .needsReopen: EIO
        }
    }
}
