import Foundation
import LocalSites

/// What `make bench` writes to `.build/bench.json`.
struct BenchReport: Codable {
    var machine: String
    var commit: String
    var startedUnixSeconds: Int
    var figures: [Figure] = []
    /// What could not be measured, and why. Never silently missing.
    var skipped: [String: String] = [:]

    /// A figure of this run takes the place of one with its name.
    mutating func add(_ figure: Figure, nowUnixSeconds: Int) {
        var figure = figure
        figure.commit = commit
        figure.measuredUnixSeconds = nowUnixSeconds
        if let index = figures.firstIndex(where: { $0.name == figure.name }) {
            figures[index] = figure
        } else {
            figures.append(figure)
        }
    }

    /// Figures of an earlier run on the same machine, each with its own commit and time, so that a long measurement can
    /// be made in pieces.
    ///
    /// - Throws: `LocalSitesError` when there is an earlier report and it is of another machine.
    mutating func keepFigures(ofReportAt path: String) throws {
        guard let data = FileManager.default.contents(atPath: path) else { return }
        let earlier = try JSONDecoder().decode(BenchReport.self, from: data)
        guard earlier.machine == machine else {
            throw LocalSitesError(
                .cannotStart, "\(path) was measured on another machine (\(earlier.machine)), and this is \(machine)",
                remedy: "leave --keep out, or give another --output")
        }
        figures = earlier.figures
    }

    func write(to path: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try encoder.encode(self).write(to: URL(fileURLWithPath: path))
    }

    static func text(_ value: Double) -> String { String(format: "%.2f", value) }

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
