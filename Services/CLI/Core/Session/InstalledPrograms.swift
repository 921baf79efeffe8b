import Foundation
import ServiceRuntime

/// Where the executables and the plugin are: the folder that the settings name, else that of `bascule` itself; the plugin
/// there or in `../lib/bascule`.
struct InstalledPrograms: Sendable {
    let folder: String

    init(binaries: String) {
        let own = URL(filePath: Self.ownPath).deletingLastPathComponent().path(percentEncoded: false)
        let named = binaries.isEmpty ? own : binaries
        folder = named.hasSuffix("/") ? String(named.dropLast()) : named
    }

    /// This executable, whatever it was called by (proc(5)).
    static var ownPath: String {
        URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().path(percentEncoded: false)
    }

    /// - Throws: `OperatorError` with code `notFound`.
    func path(of name: String) throws -> String {
        let places = name == InstalledPlugin.name ? InstalledPlugin.places(in: folder) : ["\(folder)/\(name)"]
        guard let path = places.first(where: FileManager.default.fileExists) else {
            throw OperatorError(
                .notFound, "\(name) is not in \(folder)",
                remedy: "build everything (swift build), install it (make install), or set BASCULE_BINARIES")
        }
        return path
    }

    /// A program of the operating system.
    ///
    /// - Throws: `OperatorError` with code `notFound`.
    static func system(_ name: String) throws -> String {
        let folders = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/bin", "/sbin"]
        guard let found = folders.map({ "\($0)/\(name)" }).first(where: FileManager.default.isExecutableFile) else {
            throw OperatorError(
                .notFound, "\(name) is not installed", remedy: "Scripts/install-prerequisites demo brings it")
        }
        return found
    }
}
