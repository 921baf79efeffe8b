import DeltaLog
import Synchronization

/// The durable steps of one action, in order, in short words with paths as in Layout.md: no test can see a flush that is
/// missing, so the order is asserted.
final class StepRecorder: Sendable {
    private let root: String
    private let steps = Mutex<[String]>([])

    private init(root: String) { self.root = root }

    /// - Parameter root: what paths are told without.
    /// - Returns: for example `sync dir journal`; writes that follow each other in one file are one.
    static func record(below root: String, _ action: () throws -> Void) throws -> [String] {
        let recorder = StepRecorder(root: root)
        try DurableStep.$listener.withValue({ recorder.hear($0) }, operation: action)
        return recorder.steps.withLock { $0 }
    }

    private func hear(_ step: DurableStep) {
        let text =
            switch step {
            case .written(let path): "write \(short(path))"
            case .synchronized(let path): "sync \(short(path))"
            case .renamed(let path, let other): "rename \(short(path)) → \(short(other))"
            case .removed(let path): "remove \(short(path))"
            }
        steps.withLock { steps in
            if steps.last != text || !text.hasPrefix("write") { steps.append(text) }
        }
    }

    /// The directory itself is `.`.
    private func short(_ path: String) -> String {
        if path == root { return "." }
        return path.hasPrefix(root + "/") ? String(path.dropFirst(root.count + 1)) : path
    }
}
