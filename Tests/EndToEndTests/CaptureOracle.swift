import Foundation

/// Knows, by stock tools alone, what a guest's disks held at the instant of each capture.
///
/// The host agent calls a hook once a capture is open. The hook reads the whole fleecing export with `nbdcopy` and
/// hashes it with `openssl` (five times as fast as Debian 12's `sha256sum`); none of our code reads the disk. What a
/// recovery point serves is hashed the same way.
struct CaptureOracle {
    let folder: String

    var hookPath: String { "\(folder)/hook" }

    /// Writes the hook.
    init(folder: String) throws {
        self.folder = folder
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let script = """
            #!/usr/bin/env bash
            # Hashes every disk of an open capture: <cycle>.<disk target>, one SHA-256 each.
            set -euo pipefail
            if [[ -e '\(folder)/hold' ]]; then
                touch '\(folder)/held'
                while [[ -e '\(folder)/hold' ]]; do sleep 0.05; done
            fi
            for name in "${!BASCULE_DISK_@}"; do
                target="${name#BASCULE_DISK_}"
                target="${target,,}"
                timeout 55 nbdcopy --flush "${!name}" - | openssl dgst -sha256 -r | cut -d' ' -f1 >'\(folder)'/.part
                mv '\(folder)'/.part '\(folder)'/"$BASCULE_CYCLE.$target"
            done

            """
        try script.write(toFile: hookPath, atomically: true, encoding: .utf8)
        guard chmod(hookPath, 0o755) == 0 else {
            throw Command.Failure(description: "\(hookPath) cannot be made executable")
        }
    }

    /// From now on every capture stays as it is right after it was opened.
    func holdCaptures() throws { try Data().write(to: URL(filePath: "\(folder)/hold")) }

    /// Whether a capture waits to go on.
    var holdsCapture: Bool { FileManager.default.fileExists(atPath: "\(folder)/held") }

    func letCapturesGo() throws {
        for name in ["hold", "held"] { try FileManager.default.removeItem(atPath: "\(folder)/\(name)") }
    }

    /// The hash taken while `cycle` was captured; nil when that cycle was never captured.
    func expected(cycle: UInt64, disk: String) -> String? {
        guard let data = FileManager.default.contents(atPath: "\(folder)/\(cycle).\(disk)") else { return nil }
        return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// The hash of what an NBD export serves.
    static func hash(of uri: String) async throws -> String {
        let output = try await Command.run(
            ["bash", "-c", "set -o pipefail; nbdcopy \"$0\" - | openssl dgst -sha256 -r | cut -d' ' -f1", uri],
            limit: .seconds(120))
        guard output.count == 64 else {
            throw Command.Failure(description: "nbdcopy of \(uri) did not give a hash: \(output)")
        }
        return output
    }
}
