package import FoundationEssentials
internal import Sealing

/// Whose replica a directory is.
package struct ReplicaIdentity: Sendable, Hashable {
    package var protection: UUID
    package var guest: UUID
    package var guestName: String

    package init(protection: UUID, guest: UUID, guestName: String) {
        self.protection = protection
        self.guest = guest
        self.guestName = guestName
    }
}

extension Replica {
    package static func exists(in directory: String) -> Bool {
        DurableFiles.exists(ReplicaLayout(directory: directory).manifest)
    }

    /// Makes an empty replica: directories, key, and last of all the manifest, which makes it one.
    /// What an interrupted creation left is used or replaced.
    /// - Throws: `ReplicaError`: `alreadyExists`, `locked`, `corruptData` when there are logs but no manifest.
    package static func create(
        directory: String, identity: ReplicaIdentity, generation: UInt64, failpoints: FailpointHook = .none
    ) throws -> Replica {
        try make(
            directory: directory, identity: identity, generation: generation, base: .empty, adopted: [],
            failpoints: failpoints)
    }

    /// - Parameter adopted: images that were checked to hold the base.
    static func make(
        directory: String, identity: ReplicaIdentity, generation: UInt64, base: ReplicaManifest.Base,
        adopted: [AdoptedImage], divergence: Divergence? = nil, failpoints: FailpointHook
    ) throws -> Replica {
        let layout = ReplicaLayout(directory: directory)
        try DurableFiles.makeDirectory(layout.directory)
        let lock = try lock(layout)
        guard !exists(in: directory) else {
            throw ReplicaError(
                .alreadyExists, "there is a replica in this directory already",
                remedy: "Open it, or delete it first.", facts: ["directory": layout.directory])
        }
        try makeDirectories(layout)
        guard try DurableFiles.names(in: layout.journal).isEmpty else {
            throw ReplicaError(
                .corruptData, "the directory holds delta logs but no manifest",
                remedy: "Restore the manifest from a copy, or remove the directory.",
                facts: ["directory": layout.directory])
        }
        try failpoints.reach(.createDirectories)
        let key = try ReplicaKeyFile.create(layout)
        try failpoints.reach(.createKey)
        let manifest = ReplicaManifest(
            protection: identity.protection, guest: identity.guest, guestName: identity.guestName,
            generation: generation, revision: 1, role: .target, base: base, adopted: adopted)
        if let divergence, case .diverged(let held) = base {
            try DivergenceFile.write(
                DivergenceFile(identifier: held.point.identifier, divergence: divergence), layout)
            try failpoints.reach(.divergenceWritten)
        }
        let looks = try ImageLooks(flushing: adopted)
        if !adopted.isEmpty {
            try looks.prepare(layout, failpoints: failpoints)
            try ImageLooks.publish(layout, failpoints: failpoints)
        }
        let manifests = ManifestStore(layout: layout, failpoints: failpoints)
        try manifests.prepare(manifest)
        try manifests.publish()
        try DurableFiles.synchronizeDirectory(layout.parentDirectory)
        try failpoints.reach(.createManifest)
        return Replica(
            layout: layout, replicaKey: key, manifest: manifest, journal: Journal(),
            divergence: try DivergenceFile.read(layout, of: manifest), verified: VerifiedPoints(), looks: looks,
            directoryLock: lock, failpoints: failpoints)
    }

    /// Opens a replica after whatever happened to its last owner: what was not committed is cleared, what was is
    /// listed. A fold that was interrupted is taken up by the next retention step; until then every listed point reads
    /// rightly.
    /// - Throws: `ReplicaError`: `notFound`, `locked`, `corruptData`.
    package static func open(directory: String, failpoints: FailpointHook = .none) throws -> Replica {
        let layout = ReplicaLayout(directory: directory)
        guard exists(in: directory) else { throw ReplicaError.noReplica(in: layout.directory) }
        let lock = try lock(layout)
        let key = try ReplicaKeyFile.read(layout)
        let manifest = try ManifestStore(layout: layout, failpoints: failpoints).read()
        try makeDirectories(layout)
        try clearUnfinished(layout)
        let journal = try Journal.load(layout, manifest: manifest, replicaKey: key)
        let replica = Replica(
            layout: layout, replicaKey: key, manifest: manifest, journal: journal,
            divergence: try DivergenceFile.read(layout, of: manifest), verified: VerifiedPoints.read(layout),
            looks: ImageLooks.read(layout, of: manifest), directoryLock: lock, failpoints: failpoints)
        try replica.takeUpImages()
        try replica.removeLeftovers()
        return replica
    }

    private static func lock(_ layout: ReplicaLayout) throws -> FileLock {
        guard let lock = try FileLock.attempt(.exclusive, path: layout.lock) else {
            throw ReplicaError(
                .locked, "another process has the replica open",
                remedy: "Ask the host agent, or stop it before working on the directory.",
                facts: ["directory": layout.directory])
        }
        return lock
    }

    /// QEMU runs as a user of its own, and starts guests from overlays beside the replica and from committed base images.
    private static func makePassable(_ layout: ReplicaLayout) throws {
        for path in [layout.directory, layout.base] { try DurableFiles.makeDirectory(path, passable: true) }
    }

    private static func makeDirectories(_ layout: ReplicaLayout) throws {
        try makePassable(layout)
        for path in [layout.journal, layout.incoming, layout.leases] {
            try DurableFiles.makeDirectory(path)
        }
        try DurableFiles.synchronizeDirectory(layout.directory)
    }

    private static func clearUnfinished(_ layout: ReplicaLayout) throws {
        try DurableFiles.remove(layout.manifestDraft)
        try DurableFiles.remove(layout.verifiedDraft)
        try DurableFiles.remove(layout.imagesDraft)
        for name in try DurableFiles.names(in: layout.incoming) {
            try DurableFiles.remove("\(layout.incoming)/\(name)")
        }
        // The last owner may have ended between a rename and the flush that makes it durable; what is listed from now
        // on must be.
        try DurableFiles.synchronizeDirectory(layout.journal)
        try DurableFiles.synchronizeDirectory(layout.directory)
    }
}
