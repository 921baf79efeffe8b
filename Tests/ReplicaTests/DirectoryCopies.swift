import FoundationEssentials
import Synchronization

@testable import Replica

/// Copies of a directory made at failpoints, in order: what a process that ends there leaves.
final class DirectoryCopies: Sendable {
    private struct State {
        var directory: String?
        var made: [(failpoint: Failpoint, path: String)] = []
    }

    private let state = Mutex(State())

    func begin(copying directory: String) { state.withLock { $0.directory = directory } }
    var made: [(failpoint: Failpoint, path: String)] { state.withLock { $0.made } }

    var hook: FailpointHook {
        FailpointHook { failpoint in
            try self.state.withLock { state in
                guard let directory = state.directory else { return }
                let path = "\(directory)-\(state.made.count)"
                try FileManager.default.copyItem(atPath: directory, toPath: path)
                state.made.append((failpoint, path))
            }
        }
    }
}
