import Foundation
import LocalSites

/// A share of one core that a process may use, as a control group of the kernel's own bandwidth control (`cpu.max` of
/// version 2, `cpu.cfs_quota_us` of version 1; both do the same). Made for one process, and removed with it.
struct CPUQuota {
    let folder: String

    /// A period of 100 ms is the kernel's usual one.
    private static let periodMicroseconds = 100_000

    /// - Throws: `LocalSitesError` when the kernel lets nobody make such a group here, with the reason.
    init(name: String, cores: Double, process: Int32) throws {
        let quota = Int(cores * Double(Self.periodMicroseconds))
        if FileManager.default.fileExists(atPath: "/sys/fs/cgroup/cpu/cpu.cfs_quota_us") {
            folder = "/sys/fs/cgroup/cpu/\(name)"
            try Self.make(folder)
            try Self.write("\(quota)", to: "\(folder)/cpu.cfs_quota_us")
        } else {
            folder = "/sys/fs/cgroup/\(name)"
            try Self.make(folder)
            try Self.write("\(quota) \(Self.periodMicroseconds)", to: "\(folder)/cpu.max")
        }
        try Self.write("\(process)", to: "\(folder)/cgroup.procs")
    }

    /// Of the time in which it wanted to run, how often it was held back: periods held back over periods.
    func throttledShare() -> Double {
        let text = FileManager.default.contents(atPath: "\(folder)/cpu.stat")
            .map { String(decoding: $0, as: UTF8.self) }
        var values: [String: Double] = [:]
        for line in (text ?? "").split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2 { values[String(words[0])] = Double(words[1]) }
        }
        guard let periods = values["nr_periods"], let throttled = values["nr_throttled"], periods > 0 else { return 0 }
        return throttled / periods
    }

    /// After its process has ended.
    func remove() {
        if rmdir(folder) != 0 { print("bench: \(folder) could not be removed: \(String(cString: strerror(errno)))") }
    }

    private static func make(_ folder: String) throws {
        guard mkdir(folder, 0o755) == 0 || errno == EEXIST else {
            throw LocalSitesError(
                .cannotStart, "the control group \(folder) could not be made: \(String(cString: strerror(errno)))",
                remedy: "run it as root, where the kernel's processor limits can be set")
        }
    }

    private static func write(_ text: String, to path: String) throws {
        let descriptor = open(path, O_WRONLY)
        guard descriptor >= 0 else {
            throw LocalSitesError(
                .cannotStart, "\(path) could not be opened: \(String(cString: strerror(errno)))",
                remedy: "run it as root, where the kernel's processor limits can be set")
        }
        defer { close(descriptor) }
        guard Foundation.write(descriptor, text, text.utf8.count) == text.utf8.count else {
            throw LocalSitesError(
                .cannotStart, "\(path) refused \(text): \(String(cString: strerror(errno)))",
                remedy: "run it as root, where the kernel's processor limits can be set")
        }
    }
}
