import Foundation

/// The executables of this build, which lie beside the bundle of tests, and what they answer.
enum BuiltPrograms {
    struct Answer {
        var status: Int32
        var output: String
        var errors: String
    }

    static let names = [
        "bascule", "bascule-vault", "bascule-policy", "bascule-orchestrator", "bascule-worker", "bascule-agent",
    ]

    /// The test runner is somewhere else, but the bundle that it loads lies beside the executables.
    static let folder: String = {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return URL(filePath: bundle).resolvingSymlinksInPath().deletingLastPathComponent().path(percentEncoded: false)
    }()

    /// The top of the repository, with a slash at its end.
    static let top: String = {
        var top = URL(filePath: #filePath)
        for _ in 0..<3 { top.deleteLastPathComponent() }
        return top.path(percentEncoded: false)
    }()

    /// Runs a program to its end. `environment` nil: that of the tests.
    static func run(
        _ program: String, _ arguments: [String], environment: [String: String]? = nil
    ) throws -> Answer {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.environment = environment ?? ProcessInfo.processInfo.environment
        process.standardInput = FileHandle.nullDevice
        // Files, because a pipe that nobody reads fills up, and two of them cannot be read in turn.
        let folder = FileManager.default.temporaryDirectory.appending(path: "bsc-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { removeFolder(folder.path(percentEncoded: false)) }
        var texts: [String] = []
        let files = ["output", "errors"].map { folder.appending(path: $0) }
        for file in files { try Data().write(to: file) }
        process.standardOutput = try FileHandle(forWritingTo: files[0])
        process.standardError = try FileHandle(forWritingTo: files[1])
        try process.run()
        process.waitUntilExit()
        for file in files { texts.append(String(decoding: try Data(contentsOf: file), as: UTF8.self)) }
        return Answer(status: process.terminationStatus, output: texts[0], errors: texts[1])
    }

    static func removeFolder(_ path: String) {
        do { try FileManager.default.removeItem(atPath: path) } catch {
            // Left in the folder for temporary files; what was tested is not changed by it.
        }
    }
}
