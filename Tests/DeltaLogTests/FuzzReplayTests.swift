import Foundation
import Testing

/// Every input that fuzzing kept, tried once, so that what it found stays mended and its entry goes on compiling.
@Suite struct FuzzReplayTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../Fuzz/DeltaLog").standardizedFileURL

    /// - Parameter name: `Seeds`, or `FailCases`, which is there only once something was found.
    private static func inputs(in name: String) throws -> [(name: String, bytes: [UInt8])] {
        let folder = folder.appending(path: name)
        guard FileManager.default.fileExists(atPath: folder.path) else { return [] }
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map {
            ($0, [UInt8](try Data(contentsOf: folder.appending(path: $0))))
        }
    }

    @Test(arguments: ["Seeds", "FailCases"])
    func whatFuzzingKeptEndsAsItMay(folder: String) throws {
        for (name, bytes) in try Self.inputs(in: folder) {
            #expect(throws: Never.self, "\(folder)/\(name)") { try DeltaLogFuzzer.run(bytes) }
        }
    }

    /// Seeds that reach only one decoder, or none, would let this pass for nothing.
    @Test func seedsReachEveryDecoder() throws {
        let seeds = try Self.inputs(in: "Seeds")
        let kinds = seeds.compactMap { DeltaLogFuzzer.kind(of: $0.bytes) }
        for kind in DeltaLogFuzzer.Input.allCases { #expect(kinds.count { $0 == kind } > 3, "\(kind)") }
        #expect(seeds.count > 50)
    }
}
