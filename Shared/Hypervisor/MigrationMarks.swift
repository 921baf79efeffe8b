import Glibc
import Logging
import Synchronization

/// Which guests of this host were migrated to another one and were not seen here since, each by a file of its own
/// (`CaptureDirectory.migratedMark`). libvirt knows it, too, and forgets it when its daemon is started anew.
///
/// A mark goes when the guest was seen to run here or to have ended here, when it is undefined, and when somebody removes
/// the file: it is looked for at every look at the guest. What a migration back that failed leaves, too, is no such sight
/// (`DomainPower.Stay`), because the guest may go on at the other host.
final class MigrationMarks: Sendable {
    private let directory: CaptureDirectory
    private let logger: Logger
    /// Guests whose marks this process has seen on stable storage.
    private let durable = Mutex<Set<String>>([])

    init(_ directory: CaptureDirectory, logger: Logger) {
        self.directory = directory
        self.logger = logger
    }

    /// The mark of a guest; nil: it has none.
    func mark(of guest: String) throws -> String? {
        let path = directory.migratedMark(guest)
        if access(path, F_OK) == 0 { return path }
        let cause = errno
        // A mark that cannot be looked at may be there.
        guard cause == ENOENT else {
            throw HypervisorError(
                .operationFailed, "Whether a guest was migrated away cannot be read from \(path).",
                cause: String(cString: strerror(cause)), remedy: "Make its directory accessible.")
        }
        return nil
    }

    /// What the guest is like, with what libvirt may have forgotten.
    ///
    /// - Parameters:
    ///   - power: as libvirt tells it.
    ///   - mark: the one that there was before libvirt was asked, so that one that is made meanwhile stays.
    func remembering(_ power: DomainPower, of guest: String, mark: String?) -> DomainPower {
        switch power.stay {
        case .away:
            let isNew = durable.withLock { $0.insert(guest).inserted }
            if isNew || mark == nil { noting(guest) { try directory.markMigrated(guest, isFlushed: true) } }
            return power
        case .here:
            if mark != nil { forget(guest) }
            return power
        case .untold:
            guard let mark, !power.state.hasProcess else { return power }
            return power.migrated(mark: mark)
        }
    }

    /// On the event loop's thread, which does not wait for a disk: the look that follows an event flushes the mark.
    func heard(_ change: GuestChange) {
        switch change.kind {
        case .migrated: noting(change.guest) { try directory.markMigrated(change.guest, isFlushed: false) }
        // It executes here, did until it shut down by itself, or is not known here any more. A start is no such sight,
        // because a migration hither that may yet fail begins with one.
        case .resumed, .shutDown, .undefined: forget(change.guest)
        case .defined, .started, .paused, .destroyed, .crashed, .devicesChanged, .guestAgentChanged, .captureLost: break
        }
    }

    private func forget(_ guest: String) {
        durable.withLock { _ = $0.remove(guest) }
        noting(guest) { try directory.remove(directory.migratedMark(guest)) }
    }

    /// What is known of the guest now holds all the same, and every look tries again.
    private func noting(_ guest: String, _ body: () throws -> Void) {
        do {
            try body()
        } catch {
            logger.error("mark of a migration not kept", metadata: ["guest": "\(guest)", "error": "\(error)"])
        }
    }
}
