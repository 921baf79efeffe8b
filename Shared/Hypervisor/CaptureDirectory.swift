import BlockDevice
import Foundation

/// Names of everything that a capture leaves on the host, all in one directory and, but for one, beginning with `bascule-`:
///
/// | name | what |
/// |---|---|
/// | `bascule-<8>-<cycle>.sock` | NBD socket of a running guest's backup job |
/// | `bascule-<8>-<cycle>.sock.lock` | who connects to that socket holds a lock on it meanwhile (`HandshakeLock`) |
/// | `bascule-<8>-<cycle>-<disk>.scratch` | what the guest overwrites meanwhile |
/// | `bascule-<8>-<cycle>-<disk>.sock`, `.pid` | socket and process of an image served while its guest is off |
/// | `bascule-<8>.offline` | what the images looked like at the last capture of the guest while off |
/// | `keeper` | permission for the child process of `JobKeeper` to end jobs; there while there are jobs |
/// | `bascule-<guest>.frozen` | the guest is being frozen, in the run that it names; removed when it is thawed |
/// | `bascule-<guest>.migrated` | the guest was migrated to another host, and was not seen here since |
struct CaptureDirectory: Sendable, Hashable {
    let path: String

    init(_ path: String) {
        self.path = path
    }

    /// - Parameter owner: who QEMU runs as; it must be able to make sockets and files here.
    func prepare(owner: (user: UInt32, group: UInt32)?) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o770])
        } catch {
            throw HypervisorError(
                .operationFailed, "The directory of captures \(path) can not be made.", cause: "\(error)")
        }
        if let owner, geteuid() == 0, owner.user != 0 { _ = chown(path, owner.user, owner.group) }
        guard "\(path)/bascule-00000000-\(UInt64.max)-vdaa.sock".utf8.count < 108 else {
            throw HypervisorError(
                .operationFailed, "The path of the directory of captures is too long for sockets: \(path)",
                remedy: "Choose one of at most 60 characters.")
        }
    }

    func socket(_ name: CheckpointName) -> String { "\(path)/\(name).sock" }
    func socket(_ name: CheckpointName, disk: String) -> String { "\(path)/\(name)-\(disk).sock" }
    func scratch(_ name: CheckpointName, disk: String) -> String { "\(path)/\(name)-\(disk).scratch" }
    func processFile(_ name: CheckpointName, disk: String) -> String { "\(path)/\(name)-\(disk).pid" }
    func offlineRecord(_ protection: String) -> String {
        "\(path)/\(CheckpointName.prefix)\(CheckpointName.prefix(ofProtection: protection)).offline"
    }
    var keeper: String { "\(path)/keeper" }
    func frozenMark(_ guest: String) -> String { "\(path)/\(CheckpointName.prefix)\(guest).frozen" }
    func migratedMark(_ guest: String) -> String { "\(path)/\(CheckpointName.prefix)\(guest).migrated" }

    /// To be called before a guest is frozen.
    func markFrozen(_ guest: String, in run: GuestRun) throws {
        let number = run.number.map(String.init) ?? ""
        try Data(number.utf8).write(to: URL(fileURLWithPath: frozenMark(guest)))
    }

    func isMarkedFrozen(_ guest: String) -> Bool { FileManager.default.fileExists(atPath: frozenMark(guest)) }

    /// Whether a guest that is marked may be frozen: not while it is off, nor once it was started anew. Agents before this
    /// one did not note the run, so that a mark without one holds for any.
    func mayBeFrozen(_ guest: String, in run: GuestRun) -> Bool {
        guard let number = run.number, let mark = FileManager.default.contents(atPath: frozenMark(guest)) else {
            return false
        }
        return mark.isEmpty || mark == Data(String(number).utf8)
    }

    /// - Parameter isFlushed: on stable storage when it returns.
    func markMigrated(_ guest: String, isFlushed: Bool) throws {
        let mark = migratedMark(guest)
        let descriptor = open(mark, O_WRONLY | O_CREAT | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw Self.failure(mark, "made") }
        defer { close(descriptor) }
        guard isFlushed else { return }
        let folder = open(path, O_RDONLY | O_CLOEXEC)
        guard folder >= 0 else { throw Self.failure(path, "opened") }
        defer { close(folder) }
        guard fsync(descriptor) == 0, fsync(folder) == 0 else { throw Self.failure(mark, "flushed") }
    }

    private static func failure(_ file: String, _ doing: String) -> HypervisorError {
        HypervisorError(
            .operationFailed, "\(file) can not be \(doing).", cause: String(cString: strerror(errno)))
    }

    /// Our files, by name; those of one protection, or of all.
    func files(ofProtection protection: String? = nil) throws -> [String] {
        let prefix = CheckpointName.prefix + (protection.map { CheckpointName.prefix(ofProtection: $0) } ?? "")
        do {
            return try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasPrefix(prefix) }.sorted()
        } catch {
            throw HypervisorError(
                .operationFailed, "The directory of captures \(path) can not be read.", cause: "\(error)")
        }
    }

    /// Removes a file; one that is not there is what was wanted.
    func remove(_ file: String) throws { try Self.remove(file) }

    static func remove(_ file: String) throws {
        guard unlink(file) == 0 || errno == ENOENT else {
            throw HypervisorError(
                .operationFailed, "\(file) can not be removed.", cause: String(cString: strerror(errno)))
        }
    }

    /// Makes a socket or file of ours what QEMU's own are here: of the directory's owner and group, for both to open.
    func giveAway(_ file: String) throws {
        var status = stat()
        guard stat(path, &status) == 0, chown(file, status.st_uid, status.st_gid) == 0, chmod(file, 0o660) == 0
        else {
            throw HypervisorError(
                .operationFailed, "\(file) can not be given to the owner of its directory.",
                cause: String(cString: strerror(errno)))
        }
    }

    /// To be called before the backup job begins, so that its end waits for clients that are connecting (`HandshakeLock`).
    func makeLock(ofSocket socket: String) throws {
        let file = HandshakeLock.file(ofSocket: socket)
        let descriptor = open(file, O_RDONLY | O_CREAT | O_CLOEXEC, 0o660)
        guard descriptor >= 0 else { throw Self.failure(file, "made") }
        close(descriptor)
        try giveAway(file)
    }

    func freeBytes() throws -> UInt64 {
        var information = statvfs()
        guard statvfs(path, &information) == 0 else {
            throw HypervisorError(
                .operationFailed, "The free space of \(path) can not be read.", cause: String(cString: strerror(errno)))
        }
        return UInt64(information.f_bavail) * UInt64(information.f_frsize)
    }

    /// Whether `socket` is one of ours: in this directory and so named.
    func owns(socket: String) -> Bool {
        socket.hasPrefix("\(path)/\(CheckpointName.prefix)")
    }
}
