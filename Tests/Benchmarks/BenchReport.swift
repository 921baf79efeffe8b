import Foundation

/// What `make bench` writes to `.build/bench.json`.
struct BenchReport: Codable {
    var machine: String
    var commit: String
    var startedUnixSeconds: Int
    var figures: [Figure] = []
    /// What could not be measured, and why. Never silently missing.
    var skipped: [String: String] = [:]

    func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try encoder.encode(self).write(to: URL(fileURLWithPath: path))
    }

    /// Processor, cores and memory of this machine, in one line.
    static func describeMachine() -> String {
        let information = ProcessInfo.processInfo
        let processor =
            (FileManager.default.contents(atPath: "/proc/cpuinfo").map { String(decoding: $0, as: UTF8.self) } ?? "")
            .split(separator: "\n").first { $0.hasPrefix("model name") }?
            .split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown processor"
        let gibibytes = Double(information.physicalMemory) / 1_073_741_824
        return "\(processor), \(information.activeProcessorCount) cores, \(String(format: "%.0f", gibibytes)) GiB"
    }
}
