import Foundation

/// Looks for processes that something of ours may have left behind. It only looks.
enum RunningProcesses {
    /// Processes whose command line holds `text`, each as `identifier command line`; not this one.
    static func mentioning(_ text: String) throws -> [String] {
        var found: [String] = []
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
            guard let identifier = Int32(name), identifier != getpid(),
                // Nil when the process ended meanwhile, or has no command line.
                let data = FileManager.default.contents(atPath: "/proc/\(name)/cmdline")
            else { continue }
            let line = String(decoding: data, as: UTF8.self).replacing("\0", with: " ")
            if line.contains(text) { found.append("process \(identifier) \(line.prefix(200))") }
        }
        return found
    }
}
