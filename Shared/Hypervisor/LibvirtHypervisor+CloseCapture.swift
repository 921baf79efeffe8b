import BlockDevice
import Foundation
import Logging
import Synchronization

extension LibvirtHypervisor {
    package func closeCapture(
        protection: String, guest: String, cycle: UInt64, keepCheckpointOfCycle: UInt64
    ) async throws {
        try await turns.take(guest) {
            let open = await forget(protection)
            let name = CheckpointName(protection: protection, cycle: cycle)
            try await ending(name, of: guest) { [self] connection in
                do {
                    let domain = try connection.domain(guest)
                    // Of a cycle that is committed everything was read, and nobody connects any more.
                    try endJob(
                        of: domain, protection: protection, mayBeConnecting: keepCheckpointOfCycle != cycle)
                    if try domain.power().state.hasProcess {
                        let own = try domain.checkpointNames().compactMap(CheckpointName.init)
                            .filter { $0.belongs(to: protection) }
                        let kept = own.newest(ofProtection: protection, upTo: keepCheckpointOfCycle)
                        for name in own where name != kept { try deleteCheckpoint(name.description, of: domain) }
                    }
                } catch let error as HypervisorError where error.code == .guestNotFound {
                    // It was undefined meanwhile; its files remain to be removed.
                    try keeper.drop(guest: guest)
                }
                try removeFiles(ofProtection: protection)
                try recordOffline(open, isCommitted: keepCheckpointOfCycle == cycle, cycle: cycle)
            }
        }
    }

    /// Remembers what the images of a guest that is off looked like, so that the next capture costs nothing while they
    /// look the same.
    private func recordOffline(_ capture: OpenCapture?, isCommitted: Bool, cycle: UInt64) throws {
        guard isCommitted, let capture, capture.name.cycle == cycle, capture.loss == nil else { return }
        switch capture.source {
        case .job: try directory.remove(directory.offlineRecord(capture.protection))
        case .images(_, let images):
            try OfflineRecord(cycle: cycle, images: images).write(directory.offlineRecord(capture.protection))
        }
    }

    /// Takes a capture out of the table and ends its watch.
    private func forget(_ protection: String) async -> OpenCapture? {
        let open = captures.withLock { $0.removeValue(forKey: protection) }
        open?.watch?.cancel()
        await open?.watch?.value
        return open
    }

    /// Ends a capture that another one takes the place of, and drops its checkpoint.
    func endCapture(of protection: String, guest: String, dropping name: CheckpointName) async throws {
        _ = await forget(protection)
        try await ending(name, of: guest) { [self] connection in
            let domain = try connection.domain(guest)
            try endJob(of: domain, protection: protection)
            if try domain.power().state.hasProcess, try domain.checkpointNames().contains(name.description) {
                try deleteCheckpoint(name.description, of: domain)
            }
            try removeFiles(ofProtection: protection)
        }
    }

    package func releaseGuest(protection: String, guest: String) async throws {
        try await turns.take(guest) {
            let open = await forget(protection)
            try await ending(open?.name, of: guest) { [self] connection in
                do {
                    let domain = try connection.domain(guest)
                    if try !thawIfMarked(domain) { settleLater(guest) }
                    try endJob(of: domain, protection: protection)
                    _ = try dropCheckpoints(of: domain) { $0.belongs(to: protection) }
                } catch let error as HypervisorError where error.code == .guestNotFound {
                    // Nothing of it is left but files.
                    try keeper.drop(guest: guest)
                    try directory.remove(directory.frozenMark(guest))
                }
                try removeFiles(ofProtection: protection)
                try directory.remove(directory.offlineRecord(protection))
            }
        }
    }

    // MARK: Pieces, all blocking

    /// Ends the backup job if it is one of ours for `protection`, or any of ours.
    func endJob(
        of domain: LibvirtDomain, protection: String? = nil, mayBeConnecting: Bool = true,
        within limit: Duration = HypervisorLimits.jobEndTime
    ) throws {
        guard let backup = try domain.backup(), owns(backup), let socket = BackupDocument.socket(of: backup)
        else { return try keeper.drop(guest: domain.uuid) }
        if let protection {
            let file = socket.split(separator: "/").last.map(String.init) ?? ""
            guard file.hasPrefix("\(CheckpointName.prefix)\(CheckpointName.prefix(ofProtection: protection))-") else {
                return
            }
        }
        letHandshakesEnd(at: socket, of: domain, mayBeConnecting: mayBeConnecting)
        try domain.abortJob()
        // Scratch files are given up at its end, and the next job needs it.
        let deadline = ContinuousClock.now + limit
        var push = ContinuousClock.now + HypervisorLimits.jobEndPatience
        while true {
            guard let running = try domain.backup() else { return try keeper.drop(guest: domain.uuid) }
            let now = ContinuousClock.now
            guard now < deadline else {
                throw HypervisorError(.timedOut, "The backup job of guest \(domain.name) does not end.")
            }
            if now >= push, BackupDocument.socket(of: running) == socket {
                for disk in BackupDocument.targets(of: running) { domain.endBlockJobNow(on: disk) }
                push = ContinuousClock.now + HypervisorLimits.jobEndPatience
            }
            usleep(1_000)
        }
    }

    /// To be called before a job is ended, because of what QEMU does otherwise (see `HandshakeLock`).
    ///
    /// - Parameter mayBeConnecting: somebody may be who holds no lock: a worker of an earlier release, or a program of others.
    private func letHandshakesEnd(at socket: String, of domain: LibvirtDomain, mayBeConnecting: Bool) {
        do {
            try directory.remove(socket)
        } catch {
            // The job has to end all the same, because its scratch files grow; somebody may connect meanwhile.
            logger.warning("socket of a capture not removed", metadata: ["socket": "\(socket)", "error": "\(error)"])
        }
        if !HandshakeLock.wait(ofSocket: socket) {
            // QEMU has dropped by now who still was in its handshake.
            logger.warning(
                "a client's handshake does not end", metadata: ["guest": "\(domain.name)", "socket": "\(socket)"])
        }
        if mayBeConnecting { usleep(HypervisorLimits.handshakeMicroseconds) }
    }

    /// Deletes a checkpoint with its bitmaps, also when libvirt and QEMU disagree about them.
    ///
    /// After QEMU died, a bitmap may exist on no disk, or be inconsistent on some; libvirt then refuses to delete the
    /// checkpoint as a whole. So its metadata alone is deleted, and each disk's bitmap is adopted and deleted by itself.
    /// That of a guest that ends meanwhile stays as it is, for the next capture of the running guest to delete.
    func deleteCheckpoint(_ name: String, of domain: LibvirtDomain) throws {
        guard try domain.checkpointNames().contains(name) else { return }
        do {
            return try domain.deleteCheckpoint(name, metadataOnly: false)
        } catch {
            guard try domain.answers() else {
                return logger.info("checkpoint of a guest that ends stays", metadata: ["name": "\(name)"])
            }
            logger.info("checkpoint is deleted disk by disk", metadata: ["name": "\(name)", "error": "\(error)"])
        }
        try domain.deleteCheckpoint(name, metadataOnly: true)
        try deleteBitmaps(name, of: domain)
    }

    /// Deletes the bitmaps of a running guest that have a name and no checkpoint.
    func deleteBitmaps(_ name: String, of domain: LibvirtDomain) throws {
        let definition = try XMLElement(parsing: domain.xml(inactive: false))
        let disks = try DomainDocument(parsing: definition.serialized).disks
        for disk in disks where disk.mayHaveBitmaps {
            let leftOut = disks.map(\.target).filter { $0 != disk.target }
            try domain.redefineCheckpoint(
                CheckpointDocument.adopting(name, disk: disk.target, leftOut: leftOut, domain: definition))
            do {
                try domain.deleteCheckpoint(name, metadataOnly: false)
            } catch {
                // This disk has no such bitmap.
                try domain.deleteCheckpoint(name, metadataOnly: true)
            }
        }
    }

    /// Deletes every checkpoint of ours that `isDropped`, and every bitmap of ours that has lost its checkpoint.
    func dropCheckpoints(
        of domain: LibvirtDomain, _ isDropped: (CheckpointName) -> Bool
    ) throws -> [String] {
        let known = try domain.checkpointNames().compactMap(CheckpointName.init).filter(isDropped)
        let isRunning = try domain.power().state.hasProcess
        for name in known {
            if isRunning {
                try deleteCheckpoint(name.description, of: domain)
            } else {
                try domain.deleteCheckpoint(name.description, metadataOnly: true)
            }
        }
        if isRunning, let name = try domain.checkpointNames().compactMap(CheckpointName.init).first(where: isDropped) {
            throw HypervisorError(
                .operationFailed, "Guest \(domain.name) ended while its checkpoint \(name) was being removed.",
                remedy: "Nothing: it is removed at the next attempt.")
        }
        var dropped = known.map { "Checkpoint \($0) of guest \(domain.name) was removed." }
        for disk in try DomainDocument(parsing: domain.xml(inactive: false)).disks {
            guard case .local(let path) = disk.source, disk.format == "qcow2",
                FileManager.default.fileExists(atPath: path)
            else { continue }
            for bitmap in try ImageBitmaps.read(path).bitmaps {
                guard let name = CheckpointName(bitmap.name), isDropped(name) else { continue }
                if isRunning {
                    if known.contains(name) { continue }
                    try deleteBitmaps(bitmap.name, of: domain)
                } else {
                    try ImageBitmaps.remove(bitmap.name, from: path)
                }
                dropped.append("Bitmap \(name) of disk \(disk.target) of guest \(domain.name) was removed.")
            }
        }
        return dropped
    }

    /// Files of one capture.
    func removeFiles(of name: CheckpointName) throws {
        for file in try directory.files(ofProtection: nil)
        where file.hasPrefix("\(name).") || file.hasPrefix("\(name)-") {
            try removeFile(file)
        }
    }

    /// After a capture that did not come about.
    func removeFilesReporting(of name: CheckpointName, guest: String) async {
        do {
            try await call { [self] _ in
                // While it is owed its job may run all the same.
                if owed.withLock({ $0[guest] == nil }) { try keeper.drop(guest: guest) }
                try removeFiles(of: name)
            }
        } catch {
            // What failed before is what is reported; the next start clears the files.
            logger.error("files not removed", metadata: ["name": "\(name)", "error": "\(error)"])
        }
    }

    /// Files and processes of captures of one protection; the record of images stays.
    private func removeFiles(ofProtection protection: String) throws {
        for file in try directory.files(ofProtection: protection) where !file.hasSuffix(".offline") {
            try removeFile(file)
        }
    }

    /// Removes a file of ours; of a file that names a process, the process too.
    func removeFile(_ file: String) throws {
        let path = "\(directory.path)/\(file)"
        if file.hasSuffix(".pid") {
            let socket = String(path.dropLast(".pid".count)) + ".sock"
            try OfflineExport(disk: "", socket: socket, processFile: path).stop(in: directory)
        }
        try directory.remove(path)
    }
}
