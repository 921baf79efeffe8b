import Foundation
import Testing

@testable import Hypervisor

@Suite(.enabled(if: Program.isInstalled("qemu-img"), "needs qemu-img (apt install qemu-utils)"))
struct ImageBitmapsTests {
    /// QEMU was killed while it wrote the directory of bitmaps anew: it takes the feature's bit away meanwhile, and whoever
    /// opens the image then warns on its standard error.
    @Test func anImageWhoseBitmapsWereBeingWrittenWhenQEMUWasKilledHasNone() throws {
        let path = "\(NSTemporaryDirectory())bsc-\(UUID().uuidString).qcow2"
        defer { unlink(path) }
        try Program.run("qemu-img", ["create", "-q", "-f", "qcow2", path, "16M"])
        try Program.run("qemu-img", ["bitmap", "--add", "-f", "qcow2", path, "b"])
        #expect(try ImageBitmaps.read(path).bitmaps.map(\.name) == ["b"])
        // The autoclear features of the header (docs/interop/qcow2.txt of QEMU).
        let file = try #require(FileHandle(forUpdatingAtPath: path))
        try file.seek(toOffset: 88)
        try file.write(contentsOf: Data(count: 8))
        try file.close()
        #expect(try Program.run("qemu-img", ["info", "--output=json", path]).contains("warning"))
        #expect(try ImageBitmaps.read(path).bitmaps.isEmpty)
    }
}
