import Foundation

/// Files of a guest that was started from a recovery point:
///
/// | name | what |
/// |---|---|
/// | `<disk>.qcow2` | overlay on the view: everything that the guest wrote |
/// | `nvram` | its UEFI variables |
/// | `guest.xml` | its definition as rewritten for this host |
/// | `started` | that it may have executed an instruction: from then on nothing is made anew. JSON of `Started` |
/// | `device-…` | logs and sockets of its serial ports and channels |
///
/// Other files in the directory belong to others and stay.
struct ReplicaDirectory: Sendable, Hashable {
    /// Written before the guest is resumed, so that no write of its is ever overwritten; then again with the instant.
    struct Started: Sendable, Hashable, Codable {
        let protection: String
        let cycle: UInt64
        let uuid: String
        let name: String
        let warnings: [String]
        var runningUnixMilliseconds: Int64

        var answer: ReplicaGuest {
            ReplicaGuest(
                uuid: uuid, name: name, warnings: warnings, runningUnixMilliseconds: runningUnixMilliseconds)
        }
    }

    let path: String

    init(_ path: String) { self.path = path }

    var nvram: String { "\(path)/nvram" }
    var definition: String { "\(path)/guest.xml" }
    private var startedFile: String { "\(path)/started" }
    func overlay(_ target: String) -> String { "\(path)/\(target).qcow2" }
    func device(_ name: String) -> String { "\(path)/device-\(name)" }

    /// - Parameter owner: who QEMU runs as; it must be able to make logs and sockets here.
    func prepare(owner: (user: UInt32, group: UInt32)?) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o770])
        } catch {
            throw failure("can not be made", "\(error)")
        }
        try give(path, to: owner)
    }

    /// Makes a file QEMU's own; nothing to do where QEMU runs as we do.
    func give(_ file: String, to owner: (user: UInt32, group: UInt32)?) throws {
        guard let owner, geteuid() == 0, owner.user != 0 else { return }
        guard chown(file, owner.user, owner.group) == 0 else {
            throw failure("can not be given to QEMU's user", String(cString: strerror(errno)))
        }
    }

    func write(_ bytes: [UInt8], to file: String) throws {
        do {
            try Data(bytes).write(to: URL(fileURLWithPath: file), options: .atomic)
        } catch {
            throw failure("can not be written to", "\(error)")
        }
    }

    /// Nil when the guest has not executed an instruction. One that can not be read is an error, because guessing that
    /// the guest never ran would cost its writes.
    func started() throws -> Started? {
        guard FileManager.default.fileExists(atPath: startedFile) else { return nil }
        do {
            return try JSONDecoder().decode(Started.self, from: Data(contentsOf: URL(fileURLWithPath: startedFile)))
        } catch {
            throw failure("holds a file `started` that can not be read", "\(error)")
        }
    }

    /// On stable storage when it returns, because the guest's first write may be a moment later.
    func setStarted(_ started: Started) throws {
        do {
            try write([UInt8](JSONEncoder().encode(started)), to: startedFile)
        } catch let error as EncodingError {
            throw failure("can not be written to", "\(error)")
        }
        for place in [startedFile, path] {
            let descriptor = open(place, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else { throw failure("can not be opened", String(cString: strerror(errno))) }
            defer { close(descriptor) }
            guard fsync(descriptor) == 0 else { throw failure("can not be synced", String(cString: strerror(errno))) }
        }
    }

    func clearStarted() throws { try remove("started") }

    /// Removes every file of the guest's, and the directory when nothing else is in it. Safe to repeat.
    func clear() throws {
        guard FileManager.default.fileExists(atPath: path) else { return }
        let files: [String]
        do {
            files = try FileManager.default.contentsOfDirectory(atPath: path)
        } catch {
            throw failure("can not be read", "\(error)")
        }
        for file in files where Self.isOurs(file) { try remove(file) }
        // Fails when something else is in it, as it should.
        rmdir(path)
    }

    private static func isOurs(_ file: String) -> Bool {
        file.hasSuffix(".qcow2") || file.hasPrefix("device-") || ["nvram", "guest.xml", "started"].contains(file)
    }

    private func remove(_ file: String) throws {
        guard unlink("\(path)/\(file)") == 0 || errno == ENOENT else {
            throw failure("keeps \(file)", String(cString: strerror(errno)))
        }
    }

    private func failure(_ what: String, _ cause: String) -> HypervisorError {
        HypervisorError(.operationFailed, "The directory \(path) \(what).", cause: cause)
    }
}
