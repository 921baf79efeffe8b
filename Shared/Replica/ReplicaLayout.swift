/// The paths inside a replica directory. Layout.md is the specification.
package struct ReplicaLayout: Sendable, Hashable {
    /// The replica directory, without a slash at its end.
    package let directory: String

    package init(directory: String) {
        var path = directory
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        self.directory = path
    }

    var parentDirectory: String {
        guard let slash = directory.lastIndex(of: "/") else { return "." }
        return slash == directory.startIndex ? "/" : String(directory[..<slash])
    }

    package var manifest: String { directory + "/manifest" }
    var manifestDraft: String { directory + "/manifest.new" }
    var divergence: String { directory + "/divergence" }
    package var verified: String { directory + "/verified" }
    var verifiedDraft: String { directory + "/verified.new" }
    package var images: String { directory + "/images" }
    var imagesDraft: String { directory + "/images.new" }
    package var key: String { directory + "/key" }
    package var lock: String { directory + "/lock" }
    package var base: String { directory + "/base" }
    package var journal: String { directory + "/journal" }
    package var incoming: String { directory + "/incoming" }
    package var damaged: String { directory + "/damaged" }
    package var leases: String { directory + "/leases" }
    package var gate: String { directory + "/leases/gate" }

    package func baseImage(of target: String) -> String { base + "/" + target }
    package func log(of cycle: UInt64) -> String { journal + "/" + Self.logName(cycle) }
    package func incomingLog(of cycle: UInt64) -> String { incoming + "/" + Self.logName(cycle) }
    func mergeDraft(of cycle: UInt64) -> String { incoming + "/merge-" + Self.logName(cycle) }

    /// Ten digits at least, so that a listing sorts as the journal does for the first ten thousand million cycles.
    package static func logName(_ cycle: UInt64) -> String {
        let digits = String(cycle)
        return String(repeating: "0", count: max(0, 10 - digits.count)) + digits + ".hrl"
    }

    /// The cycle that a file name in `journal/` stands for, or nil when the name is none of ours.
    static func cycle(ofLogName name: String) -> UInt64? {
        guard name.hasSuffix(".hrl") else { return nil }
        guard let cycle = UInt64(name.dropLast(4)), cycle > 0, logName(cycle) == name else { return nil }
        return cycle
    }
}
