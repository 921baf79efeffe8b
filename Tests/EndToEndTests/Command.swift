import Foundation
import LocalSites

/// Runs a stock tool to its end, within a time limit, and gives what it printed.
enum Command {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// Standard output and standard error together, trimmed.
    ///
    /// - Throws: `Failure` when it cannot be found, exits with another status than 0, or takes longer than `limit`.
    @discardableResult
    static func run(
        _ words: [String], limit: Duration = .seconds(60), environment: [String: String] = [:]
    ) async throws -> String {
        let output = "/tmp/bsc-out-\(UUID().uuidString)"
        defer { unlink(output) }
        let process = try ManagedProcess(
            name: words[0], executable: try find(words[0]), arguments: Array(words.dropFirst()),
            environment: environment, logPath: output)
        guard await process.waitForExit(within: limit) else {
            await process.crash()
            throw Failure(description: "\(words.joined(separator: " ")): still running after \(limit)")
        }
        let text = String(decoding: FileManager.default.contents(atPath: output) ?? Data(), as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        guard process.exitStatus == 0 else {
            throw Failure(
                description: "\(words.joined(separator: " ")): wait status \(process.exitStatus ?? -1): \(text)")
        }
        return text
    }

    /// The full path of a tool on PATH.
    static func find(_ tool: String) throws -> String {
        if tool.contains("/") { return tool }
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        for folder in (path + ":/usr/sbin:/sbin").split(separator: ":") where access("\(folder)/\(tool)", X_OK) == 0 {
            return "\(folder)/\(tool)"
        }
        throw Failure(description: "\(tool) is not on PATH; run Scripts/install-prerequisites")
    }
}
