internal import CNbdkitPlugin
import Glibc
internal import Replica
internal import Synchronization

/// The plugin's life as nbdkit drives it: parameters, then one view for all connections, then requests from many
/// threads. `PluginEntry.swift` has the functions that C calls.
enum ViewPlugin {
    private enum Phase: Sendable {
        case configuring(directory: String?, cycle: UInt64?)
        case serving(ServedView)
        case ended
    }

    private static let phase = Mutex(Phase.configuring(directory: nil, cycle: nil))

    static func configure(key: String, value: String) throws {
        try phase.withLock { phase in
            guard case .configuring(var directory, var cycle) = phase else {
                preconditionFailure("nbdkit configures before it serves")
            }
            switch key {
            case "replica":
                directory = try absolutePath(value)
            case "point":
                guard let number = UInt64(value), number > 0 else {
                    throw PluginError(EINVAL, "point=\(value) is not a cycle number; they count from 1")
                }
                cycle = number
            default:
                throw PluginError(EINVAL, "unknown parameter \(key); known are replica, point and lifeline")
            }
            phase = .configuring(directory: directory, cycle: cycle)
        }
    }

    static func finishConfiguration() throws {
        guard case .configuring(.some, _) = phase.withLock({ $0 }) else {
            throw PluginError(EINVAL, "replica=DIRECTORY is missing")
        }
    }

    /// Opens the point. Before nbdkit goes to the background, so that its starter sees the error.
    static func getReady() throws {
        guard case .configuring(let directory?, let cycle) = phase.withLock({ $0 }) else {
            preconditionFailure("nbdkit gets ready after its configuration is complete")
        }
        let view = ServedView(try ReplicaView.open(directory: directory, cycle: cycle))
        phase.withLock { $0 = .serving(view) }
    }

    static func end() {
        // The view's end gives its lease back.
        phase.withLock { $0 = .ended }
    }

    static var view: ServedView {
        guard case .serving(let view) = phase.withLock({ $0 }) else {
            preconditionFailure("nbdkit serves only when it is ready")
        }
        return view
    }

    private static func absolutePath(_ path: String) throws -> String {
        guard let absolute = bascule_nbdkit_real_path(path) else {
            throw PluginError(ENOENT, "replica=\(path) is not a directory")
        }
        defer { free(absolute) }
        return String(cString: absolute)
    }
}
