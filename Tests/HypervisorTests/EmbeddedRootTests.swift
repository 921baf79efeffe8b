import Foundation
import Testing

@testable import Hypervisor

@Suite struct EmbeddedRootTests {
    @Test func onlyAnEmbeddedDriverHasARoot() {
        #expect(EmbeddedRoot(uri: "qemu:///system") == nil)
        #expect(EmbeddedRoot(uri: "qemu:///embed") == nil)
        #expect(EmbeddedRoot(uri: "qemu:///embed?root=/tmp/a%20b")?.path == "/tmp/a b")
    }

    /// The other process is a Python program that locks as libvirt does.
    @Test func aRootThatAnotherProcessHasOpenIsNotFree() async throws {
        let directory = "/tmp/bsc-root-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: "\(directory)/run/qemu", withIntermediateDirectories: true)
        defer {
            for path in ["/run/qemu/driver.pid", "/locked"] { unlink(directory + path) }
            for path in ["/run/qemu", "/run", ""] { rmdir(directory + path) }
        }
        let root = try #require(EmbeddedRoot(uri: "qemu:///embed?root=\(directory)"))
        try root.checkFree()
        let file = "\(directory)/run/qemu/driver.pid"
        #expect(FileManager.default.createFile(atPath: file, contents: nil))
        try root.checkFree()
        let script =
            "import fcntl,sys; f=open('\(file)','r+'); fcntl.lockf(f, fcntl.LOCK_EX); "
            + "open('\(directory)/locked','w'); sys.stdin.read()"
        var other = try ChildProcess("python3", ["-c", script])
        try await waitUntil("it is locked") { FileManager.default.fileExists(atPath: "\(directory)/locked") }
        #expect(root.occupant == other.identifier)
        #expect { try root.checkFree() } throws: { ($0 as? HypervisorError)?.code == .unavailable }
        other.closeInput()
        #expect(other.waitUntilEnd(within: .seconds(10)).exitCode == 0)
        try root.checkFree()
    }
}
