import Foundation
import Testing

@testable import HostAgent

/// Only root may ask as somebody else.
@Suite(.enabled(if: geteuid() == 0, "SKIPPED: only root can ask as another user"))
struct PassageTests {
    @Test(arguments: [(0o711, 0o711, nil), (0o700, 0o711, "/outer"), (0o711, 0o700, "/outer/inner")])
    func theUppermostFolderInTheWayIsNamed(outer: mode_t, inner: mode_t, obstacle: String?) throws {
        let root = "/tmp/bsc-passage-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: "\(root)/outer/inner", withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: root) } }
        for (folder, mode) in [(root, 0o755), ("\(root)/outer/inner", inner), ("\(root)/outer", outer)] {
            #expect(chmod(folder, mode) == 0)
        }
        let nobody = Passage(user: 65_534, group: 65_534)
        #expect(try nobody.obstacle(to: "\(root)/outer/inner") == obstacle.map { root + $0 })
        let unknown = Passage(user: 54_321, group: 54_321)
        #expect(try unknown.obstacle(to: "\(root)/outer/inner") == obstacle.map { root + $0 })
    }
}
