internal import FoundationEssentials

/// Where the nbdkit plugin that serves recovery points lies when no setting names it.
package enum InstalledPlugin {
    package static let name = "libbascule-view-plugin.so"

    /// Where it is looked for, the first first: beside the executables, as `swift build` leaves it, and where
    /// `make install` puts it. `folder` nil: that of this executable.
    package static func places(in folder: String? = nil) -> [String] {
        let folder = folder ?? ownFolder
        let parent = folder.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        return ["\(folder)/\(name)", "\(parent)/lib/bascule/\(name)"]
    }

    /// Nil when it is in none of those places.
    package static func path(in folder: String? = nil) -> String? {
        places(in: folder).first { FileManager.default.fileExists(atPath: $0) }
    }

    /// The folder of this executable, whatever it was called by (proc(5)).
    private static var ownFolder: String {
        let own = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
        return own.deletingLastPathComponent().path(percentEncoded: false).trimmedSlash
    }
}

extension String {
    /// Without the slash that a folder's path may end with.
    fileprivate var trimmedSlash: String { count > 1 && hasSuffix("/") ? String(dropLast()) : self }
}
