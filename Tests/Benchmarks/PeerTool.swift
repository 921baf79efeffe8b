import Foundation
import LocalSites

/// Runs a stock tool and says what it printed and how long it took.
enum PeerTool {
    @discardableResult
    static func run(_ words: [String], limit: Duration = .seconds(300)) async throws -> String {
        let output = "/tmp/bsc-bench-\(UUID().uuidString)"
        defer { unlink(output) }
        let process = try ManagedProcess(
            name: words[0], executable: "/usr/bin/env", arguments: words, logPath: output)
        guard await process.waitForExit(within: limit) else {
            await process.crash()
            throw LocalSitesError(
                .late, "\(words.joined(separator: " ")) still runs after \(limit)", remedy: "run it by hand")
        }
        let text = String(decoding: FileManager.default.contents(atPath: output) ?? Data(), as: UTF8.self)
            .trimmingCharacters(in: .whitespacesAndNewlines)
        guard process.exitStatus == 0 else {
            throw LocalSitesError(
                .ended, "\(words.joined(separator: " ")): wait status \(process.exitStatus ?? -1): \(text.suffix(600))",
                remedy: "run it by hand")
        }
        return text
    }

    static func seconds(_ body: () async throws -> Void) async throws -> Double {
        let start = ContinuousClock.now
        try await body()
        return (ContinuousClock.now - start).inSeconds
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
