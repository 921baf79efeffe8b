import Foundation

/// What the images of a guest that is off looked like when a cycle of it was captured: as long as they look the same,
/// nothing changed since.
struct OfflineRecord: Sendable, Hashable, Codable {
    let cycle: UInt64
    let images: [String: ImageFingerprint]

    /// Nil when there is none, or none that can be read: then changes are told from the bitmap.
    static func read(_ path: String) -> OfflineRecord? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        do {
            return try JSONDecoder().decode(OfflineRecord.self, from: data)
        } catch {
            return nil
        }
    }

    func write(_ path: String) throws {
        do {
            try JSONEncoder().encode(self).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw HypervisorError(.operationFailed, "\(path) can not be written.", cause: "\(error)")
        }
    }
}
