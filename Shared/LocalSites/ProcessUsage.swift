import Foundation

/// What the kernel counted for one process so far; proc(5).
package struct ProcessUsage: Sendable {
    /// User and system time of the process itself, in seconds.
    package var cpuSeconds: Double
    /// Largest resident set so far (VmHWM), in bytes.
    package var peakResidentBytes: UInt64
    /// Resident set without pages of files (RssAnon), in bytes.
    package var anonymousBytes: UInt64

    /// - Throws: `LocalSitesError` with code `ended` when there is no such process.
    package init(of processIdentifier: Int32) throws {
        let folder = "/proc/\(processIdentifier)"
        guard let stat = Self.text("\(folder)/stat"), let status = Self.text("\(folder)/status"),
            let closing = stat.lastIndex(of: ")")
        else {
            throw LocalSitesError(
                .ended, "process \(processIdentifier) is gone", remedy: "ask while it still runs")
        }
        // After the command in brackets: field 3 onwards; utime and stime are fields 14 and 15.
        let fields = stat[stat.index(after: closing)...].split(separator: " ")
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        cpuSeconds = ((Double(fields[11]) ?? 0) + (Double(fields[12]) ?? 0)) / ticks
        peakResidentBytes = Self.kibibytes("VmHWM", in: status) * 1_024
        anonymousBytes = Self.kibibytes("RssAnon", in: status) * 1_024
    }

    private static func text(_ path: String) -> String? {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func kibibytes(_ key: String, in status: String) -> UInt64 {
        let line = status.split(separator: "\n").first { $0.hasPrefix("\(key):") }
        return line.flatMap { UInt64($0.split(whereSeparator: { " \t".contains($0) }).dropFirst().first ?? "") } ?? 0
    }

    /// Identifiers and command names of the direct children of a process.
    package static func children(of parent: Int32) -> [(identifier: Int32, command: String)] {
        let entries: [String]
        do { entries = try FileManager.default.contentsOfDirectory(atPath: "/proc") } catch { return [] }
        return entries.compactMap { entry in
            guard let identifier = Int32(entry), let stat = text("/proc/\(entry)/stat"),
                let opening = stat.firstIndex(of: "("), let closing = stat.lastIndex(of: ")")
            else { return nil }
            let fields = stat[stat.index(after: closing)...].split(separator: " ")
            guard fields.count > 1, Int32(fields[1]) == parent else { return nil }
            return (identifier, String(stat[stat.index(after: opening)..<closing]))
        }
    }
}
