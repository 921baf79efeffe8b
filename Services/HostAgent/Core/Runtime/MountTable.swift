import FoundationEssentials

/// The system's mounts, from /proc/self/mountinfo; see proc_pid_mountinfo(5).
enum MountTable {
    /// The kind of file system that a directory lies on, in the kernel's words.
    static func fileSystem(of path: String) -> String {
        let real = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        let table = SmallFile.text(at: "/proc/self/mountinfo") ?? ""
        let mounts = table.split(separator: "\n").compactMap { Mount($0) }
        return mounts.filter { $0.holds(real) }.max { $0.point.utf8.count < $1.point.utf8.count }?.kind ?? "unknown"
    }

    private struct Mount {
        var point: String
        var kind: String

        /// `36 35 98:0 /root /point options optional… - kind source options`
        init?(_ line: Substring) {
            let halves = line.components(separatedBy: " - ")
            guard halves.count == 2 else { return nil }
            let left = halves[0].split(separator: " ")
            let right = halves[1].split(separator: " ")
            guard left.count > 4, let kind = right.first else { return nil }
            point = String(left[4])
            self.kind = String(kind)
        }

        func holds(_ path: String) -> Bool { point == "/" || path == point || path.hasPrefix(point + "/") }
    }
}
