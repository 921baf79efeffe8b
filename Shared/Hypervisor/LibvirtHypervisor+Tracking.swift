import Foundation

/// Guests that are started with what they write tracked from the first instruction on, and disks that change hands.
extension LibvirtHypervisor {
    package func startTracked(
        guest: String, protection: String, cycle: UInt64, mayHaveRun: Bool,
        beforeItRuns: @escaping @Sendable () throws -> Void
    ) async throws -> ReplicaGuest {
        try await turns.take(guest) {
            try await call { [self] connection in
                let domain = try connection.domain(guest)
                let name = CheckpointName(protection: protection, cycle: cycle)
                var warnings: [String] = []
                switch try domain.power().state {
                case .running, .paused:
                    let known = try domain.checkpointNames().compactMap(CheckpointName.init)
                    let isTracked = known.contains { $0.belongs(to: protection) && $0.cycle >= cycle }
                    guard isTracked || mayHaveRun else {
                        throw HypervisorError.runsUntracked(name: domain.name, cycle: cycle)
                    }
                    try beforeItRuns()
                    if try domain.power().state == .paused { try domain.resume() }
                case .shutOff, .crashed:
                    warnings = try startTracked(domain, name, mayHaveRun: mayHaveRun, beforeItRuns)
                }
                return ReplicaGuest(
                    uuid: domain.uuid, name: domain.name, warnings: warnings,
                    runningUnixMilliseconds: Self.unixMilliseconds())
            }
        }
    }

    /// Answers what the operator is to be told.
    private func startTracked(
        _ domain: LibvirtDomain, _ name: CheckpointName, mayHaveRun: Bool, _ beforeItRuns: () throws -> Void
    ) throws -> [String] {
        let guest = try examine(domain, .usual).description
        if let finding = guest.findings.first(where: \.rule.refusesCapture) { throw HypervisorError(finding) }
        if !mayHaveRun { _ = try dropCheckpoints(of: domain) { $0.protectionPrefix == name.protectionPrefix } }
        // Memory from before the disks were handed over does not fit what replication wrote to them. Saved since, it does.
        let dropsMemory = try !mayHaveRun && domain.hasSavedMemory
        do {
            try domain.startPaused(dropsSavedMemory: !mayHaveRun)
            if ViewReconnect.isNeeded(by: try XMLElement(parsing: guest.definition)) {
                try ViewReconnect.apply(to: domain)
            }
            if !mayHaveRun {
                try takeFirstCheckpoint(
                    name, of: domain, disks: guest.disks.map { ($0.target, $0.sizeBytes, $0.source) })
            }
            try beforeItRuns()
            try domain.resume()
            return dropsMemory
                ? ["The memory of guest \(domain.name) that was saved here was dropped: its disks have changed since."]
                : []
        } catch {
            // It executed nothing, so ending it harms nothing; and off it was before.
            if try domain.power().state.hasProcess { try Self.destroy(domain) }
            if !mayHaveRun { _ = try dropCheckpoints(of: domain) { $0 == name } }
            throw error
        }
    }

    /// Starts a guest, and when it runs on views, so that it waits for them.
    static func start(_ domain: LibvirtDomain) throws {
        try domain.requireHere()
        guard ViewReconnect.isNeeded(by: try XMLElement(parsing: domain.xml(inactive: true))) else {
            return try domain.start()
        }
        // Nobody but the guest writes to these disks, so what it saved of its memory fits them.
        try domain.startPaused(dropsSavedMemory: false)
        do {
            try ViewReconnect.apply(to: domain)
            try domain.resume()
        } catch {
            try destroy(domain)
            throw error
        }
    }

    /// Over `disks` of a guest that is paused at its first instruction; all others are left out.
    func takeFirstCheckpoint(
        _ name: CheckpointName, of domain: LibvirtDomain, disks: [(target: String, sizeBytes: UInt64, image: String)]
    ) throws {
        let all = try DomainDocument(parsing: domain.xml(inactive: false)).disks.map(\.target)
        let tracked = try disks.map {
            CheckpointDisk(
                target: $0.target, sizeBytes: $0.sizeBytes, inode: try ImageFingerprint.read($0.image).inode)
        }
        try domain.createCheckpoint(
            CheckpointDocument.make(
                name, disks: tracked, leftOut: all.filter { target in !disks.contains { $0.target == target } }))
    }

    package func settleOnBase(guest: String, directory: String, images: [String: BaseImageFile]) async throws {
        try await turns.take(guest) {
            try await call { connection in
                let domain = try connection.domain(guest)
                var definition = try XMLElement(parsing: domain.xml(inactive: true))
                guard ReplicaMark(of: definition)?.directory == directory else {
                    throw HypervisorError.noReplica(name: domain.name, directory: directory)
                }
                try domain.requireEnded()
                let files = ReplicaDirectory(directory)
                let disks = try DomainDocument(parsing: definition.serialized).disks
                if let disk = disks.first(where: {
                    $0.source == .local(files.overlay($0.target)) && images[$0.target] == nil
                }) {
                    throw HypervisorError.noBaseImage(disk: disk.target)
                }
                // Whether the guest's disk is the overlay itself or an image that somebody put upon it, because without the
                // view neither could be opened.
                let overlays = images.filter { access(files.overlay($0.key), F_OK) == 0 }
                for (target, image) in overlays { try Self.checkBase(image, disk: target) }
                for (target, image) in overlays {
                    // Unsafe in qemu-img's words: it copies nothing, because both hold the same.
                    try Program.run(
                        "qemu-img",
                        ["rebase", "-q", "-u", "-f", "qcow2", "-F", image.format, "-b", image.path]
                            + [files.overlay(target)])
                }
                // Without a chain in the definition libvirt reads it from the images.
                definition.edit("devices") { devices in
                    devices.edit("disk") { disk in
                        let isSettled = overlays.keys.contains { Self.names(files.overlay($0), in: disk) }
                        if isSettled { disk.remove(["backingStore"]) }
                    }
                }
                try files.write(Array(definition.serialized.utf8), to: files.definition)
                _ = try connection.define(definition.serialized)
            }
        }
    }

    /// Whether a disk is a file, or names it anywhere in its chain.
    private static func names(_ file: String, in element: XMLElement) -> Bool {
        element["file"] == file || element.elements.contains { names(file, in: $0) }
    }

    /// A base that has another size than its disk at the point is another's. The overlay may have any: a disk that was made
    /// larger while the guest ran reads zeros past its base, as it did past the view, and one that was made smaller ends
    /// before it.
    private static func checkBase(_ image: BaseImageFile, disk: String) throws {
        let file = try ImageFingerprint.read(image.path)
        // The size of a device, whose number is 0, is not among what is known of its file.
        if image.format == "raw", file.inode == 0 { return }
        let size = image.format == "raw" ? file.sizeBytes : try ImageHeader.read(image.path).sizeBytes
        guard size == image.sizeBytes else {
            throw HypervisorError(
                .operationFailed,
                "The base image \(image.path) of disk \(disk) has \(size) bytes, and not \(image.sizeBytes).")
        }
    }

    package func setAside(guest: String, for directory: String) async throws {
        try await turns.take(guest) {
            try await call { connection in
                guard let domain = try connection.knownDomain(guest) else { return }
                let mark = try ReplicaMark(of: XMLElement(parsing: domain.xml(inactive: true)))
                guard mark?.directory != directory else { return }
                try domain.requireEnded()
                try domain.undefineKeepingState()
            }
        }
    }

    package func stripBitmaps(protection: String, guest: String, images: [String]) async throws {
        try await turns.take(guest) {
            try await call { [directory] connection in
                if let domain = try connection.knownDomain(guest) {
                    try domain.requireEnded()
                    for name in try domain.checkpointNames()
                    where CheckpointName(name)?.belongs(to: protection) == true {
                        try domain.deleteCheckpoint(name, metadataOnly: true)
                    }
                }
                for image in images {
                    for bitmap in try ImageBitmaps.read(image).bitmaps
                    where CheckpointName(bitmap.name)?.belongs(to: protection) == true {
                        try ImageBitmaps.remove(bitmap.name, from: image)
                    }
                }
                try directory.remove(directory.offlineRecord(protection))
            }
        }
    }
}
