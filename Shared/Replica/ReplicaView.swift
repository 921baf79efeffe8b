package import DeltaLog
internal import Sealing

/// A recovery point opened for reading: the extent index of each disk in memory, logs and base on disk.
///
/// While it lives, retention leaves alone what it reads. Memory: `ExtentIndex.bytesPerExtent` for each extent of the
/// logs up to the point, and at most `ReplicaLimits.openLogsPerView` open logs.
package final class ReplicaView: Sendable {
    package let point: RecoveryPoint
    package let guest: GuestConfiguration
    /// In the order of the point's disks.
    package let disks: [DiskView]
    /// The pin or the lease. Its end is the view's end.
    private let hold: any Sendable

    init(
        _ source: PointSource, images: BaseImages, layout: ReplicaLayout, replicaKey: SealingKey, hold: any Sendable
    ) throws {
        self.hold = hold
        point = source.point
        guest = try source.guest(layout, replicaKey: replicaKey)
        let readers = LogReaders(paths: source.logs.map { layout.log(of: $0.cycle) }, replicaKey: replicaKey)
        disks = try zip(source.point.disks, source.indexes(layout, replicaKey: replicaKey)).map { disk, index in
            DiskView(
                target: disk.target, sizeBytes: disk.sizeBytes, index: index, readers: readers,
                base: try images.openForReading(disk.target))
        }
    }

    /// Opens a point from any process, whether or not the replica's owner runs.
    /// - Parameter cycle: nil stands for the newest point.
    /// - Throws: `ReplicaError`: `notFound` when there is no such replica or point, `corruptData`.
    package static func open(directory: String, cycle: UInt64?) throws -> ReplicaView {
        let layout = ReplicaLayout(directory: directory)
        guard DurableFiles.exists(layout.manifest) else { throw ReplicaError.noReplica(in: directory) }
        // The lease comes first, so that nothing that is read after it can be folded or merged away.
        let lease = try ViewLease(layout)
        let key = try ReplicaKeyFile.read(layout)
        let manifest = try ManifestStore(layout: layout, failpoints: .none).read()
        try manifest.requireReadableBase()
        let journal = try Journal.load(layout, manifest: manifest, replicaKey: key)
        let source = try PointSource(
            cycle: cycle, manifest: manifest, journal: journal,
            oldestReadable: max(manifest.oldestReadableCycle, ImageLooks.read(layout, of: manifest).oldestReadable))
        try lease.narrow(to: source.point.cycle)
        return try ReplicaView(
            source, images: BaseImages(layout: layout, manifest: manifest), layout: layout, replicaKey: key, hold: lease
        )
    }

    /// - Returns: nil when the point has no such disk.
    package func disk(_ target: String) -> DiskView? {
        disks.first { $0.target == target }
    }
}
