import Foundation
import LocalSites

/// The Python client of `Tests/ContractClient`, which is made of the messages alone, in the part of an operator.
enum ForeignClient {
    /// What it says at its end.
    struct Point: Decodable, Sendable {
        var protection: String
        var cycle: UInt64
        /// Of the last cycle, as stored at the target.
        var sentBytes: UInt64
        var health: String
        /// Cycles of the points at the target's agent, oldest first.
        var points: [UInt64]
    }

    /// Protects a guest and waits for its second point.
    ///
    /// - Throws: `Command.Failure` with what it printed when it gave up.
    static func makePoint(of guest: String, in two: TwoSites) async throws -> Point {
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appending(path: "../ContractClient/make-point").standardizedFileURL.path
        let said = try await Command.run(
            [script, two.sites.vaultEndpoint, two.sites.policyEndpoint, guest], limit: .seconds(150))
        guard let line = said.split(separator: "\n").last else { throw Command.Failure(description: "it said nothing") }
        return try JSONDecoder().decode(Point.self, from: Data(line.utf8))
    }
}
