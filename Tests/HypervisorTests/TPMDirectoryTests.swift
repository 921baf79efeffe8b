import Foundation
import Testing

@testable import Hypervisor

/// Where swtpm's state lies, and whose it is. Owners are given as root alone.
@Suite(.serialized) struct TPMDirectoryTests {
    private static let isRoot = geteuid() == 0
    private static let state: [String: [UInt8]] = ["tpm2/tpm2-00.permall": [1]]

    private func withDirectory(_ body: (String, TPMDirectory) throws -> Void) throws {
        let root = "/tmp/bsc-tpm-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: "\(root)/etc", withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: root) } }
        try body(root, TPMDirectory(uri: "qemu:///embed?root=\(root)", guest: "some-guest"))
    }

    private func status(_ path: String) throws -> (mode: UInt32, user: UInt32, group: UInt32) {
        var status = stat()
        try #require(lstat(path, &status) == 0, "\(path)")
        return (status.st_mode & 0o7777, status.st_uid, status.st_gid)
    }

    private func settle(_ text: String, _ root: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(root)/etc/qemu.conf"))
    }

    @Test(.enabled(if: isRoot, "SKIPPED: only root gives files away"))
    func libvirtsSettingsNameTheOwnerOfTheFirstState() throws {
        try withDirectory { root, directory in
            try settle("#swtpm_user = \"root\"\nswtpm_user = \"+4321\"\n  swtpm_group=4322 # ours\n", root)
            try directory.replace(with: Self.state)
            for path in ["\(directory.path)/tpm2", "\(directory.path)/tpm2/tpm2-00.permall"] {
                let status = try status(path)
                #expect(status.user == 4321 && status.group == 4322, "\(path)")
            }
            // libvirt's own, for everybody to pass.
            #expect(try status(directory.path).user == 0)
        }
    }

    @Test(.enabled(if: isRoot, "SKIPPED: only root gives files away"))
    func whoeverOwnsStateThatIsThereGoesBeforeSettings() throws {
        try withDirectory { root, directory in
            try settle("swtpm_user = \"+4321\"", root)
            let neighbour = "\(directory.parent)/another-guest/tpm1.2"
            try FileManager.default.createDirectory(atPath: neighbour, withIntermediateDirectories: true)
            #expect(chown(neighbour, 5000, 5001) == 0)
            #expect(directory.owner() == TPMOwner(user: 5000, group: 5001))
            try directory.replace(with: Self.state)
            #expect(try status("\(directory.path)/tpm2").user == 5000)
            // And its own before a neighbour's, also while it is being replaced.
            #expect(chown("\(directory.path)/tpm2", 6000, 6001) == 0)
            for _ in 1...2 { try directory.replace(with: Self.state) }
            let own = try status("\(directory.path)/tpm2/tpm2-00.permall")
            #expect(own.user == 6000 && own.group == 6001)
        }
    }

    @Test func settingsAreReadAsLibvirtReadsThem() {
        let text = """
            # swtpm_user = "remark"
            swtpm_user = "first"
            swtpm_users = "longer"
            swtpm_user = 'last' # said twice
            swtpm_group = 77
            empty = ""
            unfinished = "tss
            """
        #expect(TPMOwner.value(of: "swtpm_user", in: text) == "last")
        #expect(TPMOwner.value(of: "swtpm_group", in: text) == "77")
        for name in ["empty", "unfinished", "absent"] { #expect(TPMOwner.value(of: name, in: text) == nil, "\(name)") }
    }

    @Test func withoutSettingsItIsTss() throws {
        let tss = getpwnam("tss").map { TPMOwner(user: $0.pointee.pw_uid, group: $0.pointee.pw_gid) }
        #expect(TPMOwner(settings: "/nowhere/qemu.conf") == tss)
    }

    /// The mask belongs to the process, so it is changed in one of its own.
    @Test func aStrictMaskKeepsNobodyOutWhoHasToPass() async throws {
        await #expect(processExitsWith: .success) {
            let root = "/tmp/bsc-tpm-\(UInt32.random(in: 0 ... .max))"
            let directory = TPMDirectory(uri: "qemu:///embed?root=\(root)", guest: "some-guest")
            umask(0o077)
            try directory.replace(with: ["tpm2/tpm2-00.permall": [1]])
            for (path, mode) in [
                (directory.parent, 0o711), (directory.path, 0o711), ("\(directory.path)/tpm2", 0o700),
                ("\(directory.path)/tpm2/tpm2-00.permall", 0o600),
            ] {
                var status = stat()
                #expect(lstat(path, &status) == 0 && status.st_mode & 0o7777 == mode_t(mode), "\(path)")
            }
            try FileManager.default.removeItem(atPath: root)
        }
    }
}
