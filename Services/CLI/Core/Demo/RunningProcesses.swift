import Foundation

/// Processes that belong to one run of the demo, known by a folder in their command line that nobody else has.
enum RunningProcesses {
    struct Found: Sendable {
        var identifier: Int32
        /// The start of its command line.
        var command: String

        var text: String { "process \(identifier) \(command)" }
    }

    /// Processes whose command line holds `text`; not this one.
    static func mentioning(_ text: String) throws -> [Found] {
        var found: [Found] = []
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") {
            guard let identifier = Int32(name), identifier != getpid(),
                // Nil when the process ended meanwhile, or has no command line.
                let data = FileManager.default.contents(atPath: "/proc/\(name)/cmdline")
            else { continue }
            let line = String(decoding: data, as: UTF8.self).replacing("\0", with: " ")
            if line.contains(text) { found.append(Found(identifier: identifier, command: String(line.prefix(200)))) }
        }
        return found
    }
}
