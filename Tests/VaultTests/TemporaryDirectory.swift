import Foundation

/// A short-named directory under /tmp that is removed afterwards.
enum TemporaryDirectory {
    static func use<Result>(_ body: (String) throws -> Result) throws -> Result {
        let path = try make()
        defer { remove(path) }
        return try body(path)
    }

    static func use<Result>(_ body: (String) async throws -> Result) async throws -> Result {
        let path = try make()
        defer { remove(path) }
        return try await body(path)
    }

    private static func make() throws -> String {
        let path = "/tmp/bsc-\(UInt32.random(in: .min ... .max))"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        return path
    }

    private static func remove(_ path: String) {
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            print("\(path) could not be removed: \(error)")
        }
    }
}
