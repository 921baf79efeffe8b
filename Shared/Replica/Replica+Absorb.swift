package import DeltaLog
import Glibc
internal import Synchronization

/// Taking what a guest wrote while it ran from this replica into the base. Layout.md, "Absorb", has the order and what a
/// crash between two steps leaves.
extension Replica {
    /// Writes overlays into the base images, which then hold another point, and removes the overlays. The replica takes
    /// the cycle after that point next. The guest must be off, and the base settled on the point that it ran from.
    ///
    /// Once begun, the base is no point until it has ended: repeating the call with the same arguments goes on, and
    /// does nothing when it was finished.
    /// - Parameters:
    ///   - overlays: a qcow2 file for each of the point's disks, by target, which may rest on others. Where these lead
    ///     to the base of the disk, what lies above it is taken in; else the whole disk.
    ///   - point: what base and overlays together hold.
    /// - Throws: `ReplicaError`: `inUse` while a view is open, the journal holds logs, or an overlay is open elsewhere;
    ///   `invalidArgument` when the overlays do not fit the point; `spaceExhausted`; `system`.
    package func absorb(overlays: [String: String], point: AdoptedPoint, guest: GuestConfiguration) throws {
        try cycleTurn.withLock { _ in
            try retentionTurn.withLock { _ in
                let result = point.base(guest: guest)
                let manifest = try state.withLock { state in
                    try state.requireReady()
                    return state.manifest
                }
                if manifest.base != result {
                    try checkOverlays(overlays, for: point.point.disks)
                    let chains = try chains(of: overlays, for: point.point.disks)
                    try announceAbsorbing(point, guest: guest, from: manifest)
                    for disk in point.point.disks {
                        try absorb(overlays[disk.target], chains[disk.target], into: disk)
                    }
                    try DurableFiles.synchronizeDirectory(layout.base)
                    try failpoints.reach(.absorbWritten)
                    try changeManifest {
                        $0.base = result
                        $0.runningCycle = nil
                        $0.adopted.removeAll { image in !point.point.disks.contains { $0.target == image.target } }
                    }
                    try failpoints.reach(.absorbSettled)
                }
                try forgetLooks()
                try removeBaseImages()
                for path in overlays.values {
                    try DurableFiles.remove(path)
                    try failpoints.reach(.absorbOverlayRemoved)
                }
            }
        }
    }

    private func checkOverlays(_ overlays: [String: String], for disks: [DeltaLogDisk]) throws {
        try DiskShape.check(disks)
        guard Set(overlays.keys) == Set(disks.map(\.target)) else {
            throw ReplicaError(
                .invalidArgument, "the overlays are not those of the point's disks",
                remedy: "Name one overlay for each disk.",
                facts: [
                    "overlays": overlays.keys.sorted().joined(separator: ", "),
                    "disks": disks.map(\.target).joined(separator: ", "),
                ])
        }
        for disk in disks {
            guard let path = overlays[disk.target] else { continue }
            let overlay = AdoptedImage(target: disk.target, path: path, format: .qcow2, sizeBytes: disk.sizeBytes)
            try AdoptedImage.check([overlay])
            let size = try QEMUImage.topSizeBytes(overlay)
            guard size == disk.sizeBytes else {
                throw ReplicaError(
                    .invalidArgument, "an overlay has another size than its disk",
                    remedy: "Name the overlay of this disk, and the size that it has.",
                    facts: ["disk": disk.target, "path": path, "size": "\(size)", "named": "\(disk.sizeBytes)"])
            }
        }
    }

    /// Before anything is announced, because a disk that cannot be taken in must leave the point as it is.
    private func chains(
        of overlays: [String: String], for disks: [DeltaLogDisk]
    ) throws -> [String: OverlayChain] {
        let images = images
        var chains: [String: OverlayChain] = [:]
        for disk in disks {
            guard let path = overlays[disk.target] else { continue }
            let others = disks.filter { $0.target != disk.target }.map { images.path(of: $0.target) }
            chains[disk.target] = try OverlayChain(
                of: path, disk: disk.target, base: images.path(of: disk.target), others: others)
        }
        return chains
    }

    /// From here on there is no point, until the overlays have been taken in.
    private func announceAbsorbing(
        _ point: AdoptedPoint, guest: GuestConfiguration, from manifest: ReplicaManifest
    ) throws {
        let begun = ReplicaManifest.Base.absorbing(point.withoutLog, guest: guest)
        if case .absorbing = manifest.base {
            guard manifest.base == begun else {
                throw ReplicaError(
                    .inUse, "other overlays, or another point, were begun to be taken in",
                    remedy: "Finish that first, with the same arguments.",
                    facts: ["begun": "\(manifest.baseCycle)", "asked": "\(point.point.cycle)"])
            }
            return
        }
        // Disks that diverged stand for the point that the other side runs from, which may be the one they ran from.
        guard point.point.cycle > manifest.baseCycle || point.isDiverged && point.point.cycle == manifest.baseCycle
        else {
            throw ReplicaError(
                .invalidArgument, "what a guest wrote makes a later point than the one it ran from",
                remedy: "Name the cycle that its disks stand for.",
                facts: ["base": "\(manifest.baseCycle)", "asked": "\(point.point.cycle)"])
        }
        _ = try requireBaseAlone(mayRun: true)
        try withoutViews {
            abandonOpenCycle()
            try changeManifest { $0.base = begun }
        }
        try failpoints.reach(.absorbStarted)
    }

    private func absorb(_ overlay: String?, _ chain: OverlayChain?, into disk: DeltaLogDisk) throws {
        guard let overlay, let chain else { preconditionFailure("overlays were checked before they are taken in") }
        guard let adopted = images.adoptedImage(of: disk.target) else { return try write(overlay, chain, into: disk) }
        try writeAdopted(adopted, open: { _ in }, body: { try write(overlay, chain, into: disk) })
    }

    private func write(_ overlay: String, _ chain: OverlayChain, into disk: DeltaLogDisk) throws {
        let images = images
        // As large as the disk. Nobody else may have it open, least of all ourselves, while qemu-img writes.
        try images.openForWriting(disk).close()
        let path = images.path(of: disk.target)
        let image = AdoptedImage(
            target: disk.target, path: path, format: images.format(of: disk.target), sizeBytes: disk.sizeBytes)
        switch chain {
        case .uponBase(let lowest): try QEMUImage.commit(overlay, lowest: lowest, into: image)
        case .whole: try QEMUImage.copyChain(overlay, into: image)
        }
        try failpoints.reach(.absorbDiskWritten)
        try OpenFile(path: path, flags: O_RDWR).synchronize()
    }
}
