extension ReplicaView {
    /// The points of a replica, oldest first, read from any process, whether or not the replica's owner runs.
    ///
    /// - Throws: `ReplicaError`: `notFound` when there is no replica in the directory, `corruptData`.
    package static func points(in directory: String) throws -> [RecoveryPoint] {
        let layout = ReplicaLayout(directory: directory)
        guard DurableFiles.exists(layout.manifest) else { throw ReplicaError.noReplica(in: directory) }
        // The lease keeps the logs in place while they are listed.
        let lease = try ViewLease(layout)
        defer { withExtendedLifetime(lease) {} }
        let key = try ReplicaKeyFile.read(layout)
        let manifest = try ManifestStore(layout: layout, failpoints: .none).read()
        return ReplicaState(
            manifest: manifest, journal: try Journal.load(layout, manifest: manifest, replicaKey: key),
            verified: VerifiedPoints.read(layout), looks: ImageLooks.read(layout, of: manifest)
        ).points
    }

    /// Why nothing is known of verified points, although the points themselves can be read; nil: it is known.
    package static func verificationFault(in directory: String) -> String? {
        VerifiedPoints.read(ReplicaLayout(directory: directory)).fault
    }
}
