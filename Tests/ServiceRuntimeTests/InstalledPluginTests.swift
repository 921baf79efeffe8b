import Foundation
import Testing

@testable import ServiceRuntime

@Suite struct InstalledPluginTests {
    @Test func itIsFoundBesideTheExecutableAndWhereItIsInstalled() throws {
        let root = "/tmp/bsc-plugin-\(UInt32.random(in: .min ... .max))"
        for folder in ["bin", "lib/bascule"] {
            try FileManager.default.createDirectory(atPath: "\(root)/\(folder)", withIntermediateDirectories: true)
        }
        #expect(InstalledPlugin.path(in: "\(root)/bin") == nil)
        let installed = "\(root)/lib/bascule/libbascule-view-plugin.so"
        try Data().write(to: URL(filePath: installed))
        #expect(InstalledPlugin.path(in: "\(root)/bin") == installed)
        // The one that was built with this executable comes first.
        let beside = "\(root)/bin/libbascule-view-plugin.so"
        try Data().write(to: URL(filePath: beside))
        #expect(InstalledPlugin.path(in: "\(root)/bin") == beside)
        try FileManager.default.removeItem(atPath: root)
    }
}
