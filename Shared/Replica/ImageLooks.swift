internal import FoundationEssentials

/// What adopted images looked like after our own last write, and which points a write of somebody else spoilt: the
/// content of the file `images`. A value; Layout.md, "Looks", has the table and the rules.
///
/// Invariants: paths are absolute; there is at most one look of an image.
struct ImageLooks: Sendable, Equatable {
    enum Look: Sendable, Equatable {
        /// As it was left, by us or by the guest that it was adopted from.
        case left(ImageLook)
        /// We are writing to it, or were when the process ended: how it looks tells nothing.
        case beingWritten
    }

    /// By path. Nothing is known of the others.
    var looks: [String: Look] = [:]
    var spoilt: SpoiltPoints?

    init(looks: [String: Look] = [:], spoilt: SpoiltPoints? = nil) {
        self.looks = looks
        self.spoilt = spoilt
    }

    /// Of images that are adopted just now, or that an older release adopted.
    init(flushing images: [AdoptedImage]) throws {
        for image in images { looks[image.path] = try ImageLook.flushed(image.path).map(Look.left) }
    }

    /// The first point that is right again.
    var oldestReadable: UInt64 { spoilt.map { $0.cycle + 1 } ?? 0 }

    /// Those that somebody else wrote to, or replaced. One that is missing was not: reading it is an error by itself.
    func changed(among images: [AdoptedImage]) -> [AdoptedImage] {
        images.filter { image in
            guard case .left(let look) = looks[image.path], let now = ImageLook(of: image.path) else { return false }
            return now != look
        }
    }

    // MARK: The file

    /// Without the file, as in a replica of an older release, nothing is known. One that cannot be read may have named
    /// spoilt points, so every point counts as one; but not while a guest runs from one of them.
    static func read(_ layout: ReplicaLayout, of manifest: ReplicaManifest) -> ImageLooks {
        guard !manifest.adopted.isEmpty, DurableFiles.exists(layout.images) else { return ImageLooks() }
        do {
            return try ImageLooks(decoding: DurableFiles.read(layout.images, limit: ReplicaLimits.imageLooksBytes))
        } catch {
            guard manifest.runningCycle == nil else { return ImageLooks() }
            return ImageLooks(
                spoilt: SpoiltPoints(
                    cycle: ReplicaLimits.cycle,
                    reason: "It is not known whether somebody else wrote to the disks that are the base of the replica."
                ))
        }
    }

    /// Writes and flushes the file beside the current one. A failure changes nothing.
    func prepare(_ layout: ReplicaLayout, failpoints: FailpointHook) throws {
        try DurableFiles.write(encoded(), to: layout.imagesDraft)
        try failpoints.reach(.looksWritten)
    }

    /// Puts the prepared file in the current one's place. After a failure either may be found on the next start.
    static func publish(_ layout: ReplicaLayout, failpoints: FailpointHook) throws {
        try DurableFiles.rename(layout.imagesDraft, to: layout.images)
        try failpoints.reach(.looksRenamed)
        try DurableFiles.synchronizeDirectory(layout.directory)
    }
}
