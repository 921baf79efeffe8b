import Foundation

/// Where this host's libvirt keeps the state of a guest's emulated TPM: a directory for each guest, and in it `tpm2` or
/// `tpm1.2` with the files of swtpm.
///
/// swtpm writes a new file beside the old one and renames it, so a file that is read is whole.
struct TPMDirectory: Sendable, Hashable {
    /// Of all guests of a libvirt.
    let parent: String
    let path: String
    /// Settings of that libvirt's QEMU driver.
    let settings: String

    /// - Parameter uri: of the libvirt that runs the guest.
    init(uri: String, guest: String) {
        if let root = EmbeddedRoot(uri: uri) {
            parent = "\(root.path)/lib/swtpm"
            settings = "\(root.path)/etc/qemu.conf"
        } else {
            parent = "/var/lib/libvirt/swtpm"
            settings = "/etc/libvirt/qemu.conf"
        }
        path = "\(parent)/\(guest)"
    }

    private static let versions = ["tpm2", "tpm1.2"]

    /// Empty when there is none.
    func read() throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for version in Self.versions {
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
        // Asked before the directory that may tell it is removed.
        let owner = geteuid() == 0 ? owner() : nil
        do {
            try remove()
            try make(parent, mode: 0o711, owner: nil)
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

    /// Whom swtpm runs as here: whoever owns the state that it keeps of this guest, or of another one of this libvirt; else
    /// whom libvirt's settings name; else whom they stand for when they name nobody.
    func owner() -> TPMOwner? {
        ownerOfState(of: path) ?? ownerOfNeighbours() ?? TPMOwner(settings: settings)
    }

    private func ownerOfState(of directory: String) -> TPMOwner? {
        for version in Self.versions {
            var status = stat()
            // The outer one is libvirt's own.
            if lstat("\(directory)/\(version)", &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
                return TPMOwner(user: status.st_uid, group: status.st_gid)
            }
        }
        return nil
    }

    private func ownerOfNeighbours() -> TPMOwner? {
        guard let directory = opendir(parent) else { return nil }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix("."), let owner = ownerOfState(of: "\(parent)/\(name)") { return owner }
        }
        return nil
    }

    private func make(_ directory: String, mode: Int, owner: TPMOwner?) throws {
        if !FileManager.default.fileExists(atPath: directory) {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            // By itself, because what is made is made under this process's umask.
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: directory)
        }
        try give(directory, to: owner)
    }

    private func give(_ file: String, to owner: TPMOwner?) throws {
        guard let owner else { return }
        guard chown(file, owner.user, owner.group) == 0 else {
            throw failure("can not be given to swtpm's user", String(cString: strerror(errno)))
        }
    }

    private func failure(_ what: String, _ cause: String) -> HypervisorError {
        HypervisorError(.operationFailed, "The directory \(path) of the guest's TPM \(what).", cause: cause)
    }
}
