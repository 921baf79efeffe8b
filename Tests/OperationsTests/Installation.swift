import Foundation

/// Bascule as `Scripts/install` puts it in place, below a folder of its own that goes with the value's end. What it installs
/// are stand-ins that hand on to the programs of this build, because those take half a gigabyte.
final class Installation: Sendable {
    let root: String
    /// What the script said.
    let said: String

    /// With `isStaged` below DESTDIR, as packages are made; else with PREFIX, so that every path in the units is there.
    init(isStaged: Bool) throws {
        let root = "/tmp/bsc-install-\(UInt32.random(in: 0x1000_0000 ... .max))"
        self.root = root
        try FileManager.default.createDirectory(atPath: "\(root)/from", withIntermediateDirectories: true)
        for name in BuiltPrograms.names + ["libbascule-view-plugin.so"] {
            let path = "\(root)/from/\(name)"
            try "#!/bin/sh\nexec '\(BuiltPrograms.folder)/\(name)' \"$@\"\n".write(
                toFile: path, atomically: true, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        }
        said = try Self.install(into: root, isStaged: isStaged)
    }

    deinit { BuiltPrograms.removeFolder(root) }

    struct Refused: Error { var words: String }

    /// - Returns: what the script said. Throws `Refused` when it ended with anything but 0.
    @discardableResult
    static func install(into root: String, isStaged: Bool) throws -> String {
        var environment = ProcessInfo.processInfo.environment
        environment["FROM"] = "\(root)/from"
        environment["DESTDIR"] = isStaged ? root : ""
        environment["PREFIX"] = isStaged ? "/usr" : "\(root)/usr"
        environment["SYSCONFDIR"] = isStaged ? "/etc" : "\(root)/etc"
        let answer = try BuiltPrograms.run(
            "\(BuiltPrograms.top)Scripts/install", [], environment: environment)
        guard answer.status == 0 else { throw Refused(words: answer.errors) }
        return answer.errors
    }

    func text(_ path: String) throws -> String { try String(contentsOfFile: "\(root)/\(path)", encoding: .utf8) }

    func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: "\(root)/\(path)")[.posixPermissions] as? Int
    }
}
