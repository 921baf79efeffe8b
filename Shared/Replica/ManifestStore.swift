/// Reads and replaces the manifest so that there is a whole one at every instant.
struct ManifestStore: Sendable {
    let layout: ReplicaLayout
    let failpoints: FailpointHook

    func read() throws -> ReplicaManifest {
        try ReplicaManifest(decoding: DurableFiles.read(layout.manifest, limit: ReplicaLimits.manifestBytes))
    }

    /// Writes and flushes the next manifest beside the current one. A failure changes nothing.
    func prepare(_ manifest: ReplicaManifest) throws {
        try DurableFiles.write(manifest.encoded(), to: layout.manifestDraft)
        try failpoints.reach(.manifestWritten)
    }

    /// Puts the prepared manifest in the current one's place. After a failure either may be found on the next start.
    func publish() throws {
        try DurableFiles.rename(layout.manifestDraft, to: layout.manifest)
        try failpoints.reach(.manifestRenamed)
        try DurableFiles.synchronizeDirectory(layout.directory)
    }
}
