import Foundation

/// Where this host's libvirt keeps the state of a guest's emulated TPM: a directory for each guest, and in it `tpm2` or
/// `tpm1.2` with the files of swtpm.
///
/// swtpm writes a new file beside the old one and renames it, so a file that is read is whole.
struct TPMDirectory: Sendable, Hashable {
    /// Of all guests of a libvirt.
    let parent: String
    let path: String

    /// - Parameter uri: of the libvirt that runs the guest.
    init(uri: String, guest: String) {
        parent =
            if let root = EmbeddedRoot(uri: uri) {
                "\(root.path)/lib/swtpm"
            } else {
                "/var/lib/libvirt/swtpm"
            }
        path = "\(parent)/\(guest)"
    }

    /// Empty when there is none.
    func read() throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for version in ["tpm2", "tpm1.2"] {
            let directory = "\(path)/\(version)"
            guard FileManager.default.fileExists(atPath: directory) else { continue }
            do {
                for name in try FileManager.default.contentsOfDirectory(atPath: directory)
                where FirmwareState.isTPMFile("\(version)/\(name)") {
                    files["\(version)/\(name)"] = [UInt8](
                        try Data(contentsOf: URL(fileURLWithPath: "\(directory)/\(name)")))
                }
            } catch {
                throw failure("can not be read", "\(error)")
            }
        }
        return files
    }

    /// Puts the files in place of whatever is there. The guest must be off.
    func replace(with files: [String: [UInt8]]) throws {
        let owner = try owner()
        do {
            try remove()
            for (name, bytes) in files.sorted(by: { $0.key < $1.key }) {
                let file = "\(path)/\(name)"
                let directory = String(file[..<(file.lastIndex(of: "/") ?? file.endIndex)])
                // libvirt makes the outer one for everybody to pass and the inner one for swtpm alone.
                try make(path, mode: 0o711, owner: nil)
                try make(directory, mode: 0o700, owner: owner)
                try Data(bytes).write(to: URL(fileURLWithPath: file), options: .atomic)
                try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
                try give(file, to: owner)
            }
        } catch let error as HypervisorError {
            throw error
        } catch {
            throw failure("can not be written to", "\(error)")
        }
    }

    /// Safe to repeat.
    func remove() throws {
        guard FileManager.default.fileExists(atPath: path) else { return }
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            throw failure("can not be removed", "\(error)")
        }
    }

    // MARK: Pieces

    /// Whom swtpm runs as: `swtpm_user` of libvirt's qemu.conf, which is `tss` unless it says otherwise.
    private func owner() throws -> (user: UInt32, group: UInt32)? {
        guard geteuid() == 0 else { return nil }
        guard let entry = getpwnam("tss") else { return nil }
        return (entry.pointee.pw_uid, entry.pointee.pw_gid)
    }

    private func make(_ directory: String, mode: Int, owner: (user: UInt32, group: UInt32)?) throws {
        if !FileManager.default.fileExists(atPath: directory) {
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: mode])
        }
        try give(directory, to: owner)
    }

    private func give(_ file: String, to owner: (user: UInt32, group: UInt32)?) throws {
        guard let owner else { return }
        guard chown(file, owner.user, owner.group) == 0 else {
            throw failure("can not be given to swtpm's user", String(cString: strerror(errno)))
        }
    }

    private func failure(_ what: String, _ cause: String) -> HypervisorError {
        HypervisorError(.operationFailed, "The directory \(path) of the guest's TPM \(what).", cause: cause)
    }
}
