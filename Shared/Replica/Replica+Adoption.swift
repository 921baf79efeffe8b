package import DeltaLog
internal import Synchronization

/// A guest's own disks as the base, in place. Layout.md, "Adopted images", has what holds for them.
extension Replica {
    /// Makes a replica whose base is a guest's own images, where they are. The guest must be off.
    ///
    /// From then on the images are written by folds alone. They are never deleted, with whatever the replica is.
    /// - Parameters:
    ///   - point: what the disks hold. Its disks have the images' targets and sizes.
    ///   - guest: the definition and NVRAM of the point.
    ///   - divergence: where disks that diverged may hold something else than the point.
    /// - Throws: `ReplicaError`: as `create`; `invalidArgument` when images and disks do not fit; `inUse` when an image
    ///   is open for writing elsewhere; `system` when QEMU cannot open it.
    package static func adopt(
        directory: String, identity: ReplicaIdentity, generation: UInt64, point: AdoptedPoint,
        guest: GuestConfiguration, images: [AdoptedImage], divergence: Divergence = .anywhere(because: "Nobody said."),
        failpoints: FailpointHook = .none
    ) throws -> Replica {
        try make(
            directory: directory, identity: identity, generation: generation, base: point.base(guest: guest),
            adopted: try checked(images, for: point.point.disks), divergence: point.isDiverged ? divergence : nil,
            failpoints: failpoints)
    }

    private static func checked(_ images: [AdoptedImage], for disks: [DeltaLogDisk]) throws -> [AdoptedImage] {
        try DiskShape.check(disks)
        try AdoptedImage.check(images)
        let named = Dictionary(uniqueKeysWithValues: images.map { ($0.target, $0.sizeBytes) })
        guard named == Dictionary(uniqueKeysWithValues: disks.map { ($0.target, $0.sizeBytes) }) else {
            throw ReplicaError(
                .invalidArgument, "the images to adopt are not the point's disks",
                remedy: "Name one image of the same size for each disk.",
                facts: [
                    "images": images.map { "\($0.target) \($0.sizeBytes)" }.sorted().joined(separator: ", "),
                    "disks": disks.map { "\($0.target) \($0.sizeBytes)" }.sorted().joined(separator: ", "),
                ])
        }
        return try images.map { image in
            var image = image
            // Opened for writing, because that proves both that it can be and that no guest has it.
            let served = try ServedBaseImage(image, access: .writing)
            let size = try served.sizeBytes()
            try served.close()
            guard size == image.sizeBytes else {
                throw ReplicaError(
                    .invalidArgument, "an image to adopt has another size than its disk",
                    remedy: "Name the image of this disk, and its size.",
                    facts: [
                        "disk": image.target, "path": image.path, "size": "\(size)", "named": "\(image.sizeBytes)",
                    ])
            }
            image.isCompressed = try QEMUImage.holdsCompressedClusters(image)
            return image
        }
    }

    /// Gives disks that were added elsewhere, and whose images are in `base/`, a place of their own beside the guest's
    /// other images, which makes them adopted ones. Before a guest is started on its base, because the replica's
    /// directory goes when it is released.
    /// - Parameter paths: where to put them, by target; on the file system of the replica. What is there already is not
    ///   overwritten.
    /// - Throws: `ReplicaError`: `inUse` while a view is open or points wait to be folded; `alreadyExists`; `system`.
    package func keepAddedDisks(at paths: [String: String]) throws {
        try retentionTurn.withLock { _ in
            let manifest = try requireBaseAlone(mayRun: true)
            for disk in manifest.basePoint?.point.disks ?? [] {
                guard let path = paths[disk.target], !manifest.adopted.contains(where: { $0.target == disk.target })
                else { continue }
                let image = AdoptedImage(target: disk.target, path: path, format: .raw, sizeBytes: disk.sizeBytes)
                try AdoptedImage.check([image])
                try DurableFiles.link(layout.baseImage(of: disk.target), to: path)
                try failpoints.reach(.addedDiskLinked)
                try noteWritten(image)
                try changeManifest { $0.adopted.append(image) }
            }
            try removeBaseImages()
        }
    }

    /// Ends the replica when its base has become what a guest runs on again: removes the directory, and leaves the
    /// adopted images as they are. The replica is closed afterwards.
    /// - Throws: `ReplicaError`: `inUse` while a view is open, or the base is not the only point; `invalidArgument`
    ///   when a disk's image is in the directory, see `keepAddedDisks`.
    package func release() throws {
        try cycleTurn.withLock { _ in
            try retentionTurn.withLock { _ in
                _ = try requireReleasable()
                try removeDirectoryInTurns()
            }
        }
    }

    /// - Parameter mayRun: whether a guest may run from the base's point.
    /// - Returns: the manifest, once nothing but the base counts: no logs, no views, nothing unfinished.
    func requireBaseAlone(mayRun: Bool) throws -> ReplicaManifest {
        let gate = try closedGate()
        let leases = try ViewLease.heldCycles(layout)
        _ = consume gate
        return try state.withLock { state in
            try state.requireReady()
            if let held = state.viewed(leases: leases).max() { throw ReplicaError.viewsAreOpen(held) }
            if let settling = state.settling { throw ReplicaError.settling(on: settling) }
            if state.manifest.isAbsorbing { throw ReplicaError.absorbing }
            guard state.manifest.baseParent != nil, state.journal.newest == nil, state.journal.faults.isEmpty else {
                throw ReplicaError(
                    .inUse, "the journal holds what the base does not", remedy: "Settle on a point first.",
                    facts: ["newest": "\(state.newest?.cycle ?? 0)", "base": "\(state.manifest.baseCycle)"])
            }
            if let running = state.manifest.runningCycle, !mayRun || running != state.manifest.baseCycle {
                throw ReplicaError.guestRuns(from: running)
            }
            return state.manifest
        }
    }
}
