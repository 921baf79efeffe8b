internal import DeltaLog
internal import Synchronization

/// Telling our own writes to adopted images from those of somebody else. QEMU's locks keep others away only while they
/// and we write at the same time; a guest that was started and ended meanwhile is seen by what its images look like.
/// Layout.md, "Looks", has the order and what a crash between two steps leaves.
extension Replica {
    /// Why the newest cycle is no point, though it is held: somebody else wrote to an adopted image. nil: it is one, or
    /// is none for another reason.
    package var spoiltPoints: SpoiltPoints? { state.withLock { $0.spoilt } }

    /// Looks at the adopted images before anything trusts them. When somebody else wrote to one, durably no point that
    /// rests on them is listed from here on, and the next cycle has to compare.
    /// - Returns: as `spoiltPoints`.
    @discardableResult
    package func noticeStrangers() throws -> SpoiltPoints? {
        try manifestTurn.withLock { _ in
            let known = state.withLock { $0 }
            try known.requireReady()
            guard known.restsOnImages, let newest = known.newest else { return known.spoilt }
            let changed = known.looks.changed(among: known.manifest.adopted)
            guard !changed.isEmpty else { return known.spoilt }
            var looks = known.looks
            let names = changed.map { "\($0.target) (\($0.path))" }.sorted().joined(separator: ", ")
            let reason =
                "Somebody else wrote to the disks that are the base of the replica, or replaced them: \(names)."
            looks.spoilt = SpoiltPoints(
                cycle: newest.cycle, reason: String(reason.prefix(ReplicaLimits.spoiltReasonCharacters)))
            for image in changed { looks.looks[image.path] = ImageLook(of: image.path).map(ImageLooks.Look.left) }
            try writeWhatWasSeen(looks)
            return looks.spoilt
        }
    }

    /// - Parameter cycle: nil stands for the newest.
    /// - Throws: `ReplicaError` with code `spoilt` when it is no point any more, because somebody else wrote to an
    ///   adopted image.
    package func requireUnspoilt(_ cycle: UInt64?) throws {
        try noticeStrangers()
        try state.withLock { state in
            if let spoilt = state.looks.spoilt, let cycle = cycle ?? state.newest?.cycle, cycle <= spoilt.cycle,
                state.manifest.runningCycle == nil
            {
                throw ReplicaError.spoilt(spoilt)
            }
        }
    }

    // MARK: Cycles

    /// Before a cycle that brings everything: what the images look like now is what it is compared with.
    /// - Throws: `ReplicaError` with code `inUse` while somebody who spoilt points has an image open, because the
    ///   comparison would be with what changes meanwhile.
    func takeImagesAsTheyAre() throws {
        let known = state.withLock { $0 }
        guard !known.manifest.adopted.isEmpty, !known.restsOnImages else { return }
        if known.spoilt != nil {
            for image in known.manifest.adopted { try ServedBaseImage(image, access: .writing).close() }
        }
        let looks = try ImageLooks(flushing: known.manifest.adopted).looks
        try changeLooks { $0.looks.merge(looks) { _, new in new } }
    }

    /// The pair of `noticeStrangers` before a cycle was opened: what it was made upon is still there at its end.
    /// - Throws: `ReplicaError` with code `wrongParent` when a comparison will do, else `spoilt`.
    func requireUntouched(since open: OpenCycle) throws {
        try noticeStrangers()
        let known = state.withLock { $0 }
        guard known.spoilt == open.spoilt else {
            guard let spoilt = known.spoilt else { return }
            if open.opening.kind == .incremental {
                throw ReplicaError.mustCompare(open.opening, because: spoilt.reason)
            }
            throw ReplicaError.spoilt(spoilt)
        }
        guard !known.restsOnImages, let image = known.looks.changed(among: known.manifest.adopted).first else { return }
        throw ReplicaError.writtenMeanwhile(image)
    }

    // MARK: A guest's start on its own disks

    /// A guest that is off is about to be started, paused, on the disks of a point: QEMU may write to the images by
    /// itself before they are handed over. `handOver` follows, or `startEnded`.
    /// - Throws: `ReplicaError` with code `spoilt` when the point is none any more.
    package func expectStart(on cycle: UInt64) throws {
        try requireUnspoilt(cycle)
        let (manifest, before) = state.withLock { ($0.manifest, $0.looks) }
        try changeLooks { looks in
            for image in manifest.adopted { looks.looks[image.path] = .beingWritten }
        }
        state.withLock { $0.looksBeforeStart = before }
    }

    /// The guest was not started, and nothing was handed over. Safe to repeat.
    /// - Parameter guestIsOff: one that is on all the same was started by somebody else, and writes.
    package func startEnded(guestIsOff: Bool) throws {
        guard let before = state.withLock({ $0.looksBeforeStart }), handedOverCycle == nil else { return }
        let manifest = state.withLock { $0.manifest }
        let looks = guestIsOff ? try ImageLooks(flushing: manifest.adopted) : before
        try changeLooks { $0.looks.merge(looks.looks) { _, new in new } }
        state.withLock { $0.looksBeforeStart = nil }
    }

    // MARK: Our own writes

    /// Writes to the base of a disk. Until a crash-proof look was taken after that, it is known that we were writing.
    func writeBase(of disk: DeltaLogDisk, _ body: (any BaseImage) throws -> Void) throws {
        let images = images
        guard let adopted = images.adoptedImage(of: disk.target) else {
            let image = try images.openForWriting(disk)
            try body(image)
            return try image.close()
        }
        try resize(adopted, to: disk.sizeBytes)
        try writeAdopted(adopted) { beforeRetry in
            try ServedBaseImage(adopted, access: .writing, beforeRetry: beforeRetry)
        } body: { image in
            do { try body(image) } catch {
                try image.close()
                throw error
            }
            try image.close()
        }
    }

    /// A write of its own, because it is done even when the image cannot be opened after it.
    private func resize(_ image: AdoptedImage, to size: UInt64) throws {
        let held = try QEMUImage.sizeBytes(image)
        guard held != size else { return }
        try writeAdopted(image) { _ in
            let result = Result { try QEMUImage.resize(image, to: size) }
            // Of any other failure it is not known how much was written.
            if case .failure(let error as ReplicaError) = result, error.code == .inUse,
                try QEMUImage.sizeBytes(image) == held
            {
                throw error
            }
            return result
        } body: { result in
            try result.get()
        }
    }

    /// - Parameters:
    ///   - open: fails when somebody else has the image open; nothing was written then. It calls what it is given
    ///     before it tries again.
    ///   - body: has closed the image when it returns or throws.
    func writeAdopted<Opened>(
        _ image: AdoptedImage, open: (_ beforeRetry: @escaping () throws -> Void) throws -> Opened,
        body: (Opened) throws -> Void
    ) throws {
        let before = try announceWriting(to: image)
        try failpoints.reach(.imageAnnounced)
        let opened: Opened
        do {
            opened = try open { try Self.require(image, asLeft: before) }
        } catch {
            try changeLooks { $0.looks[image.path] = before }
            throw error
        }
        do { try body(opened) } catch {
            try noteWritten(image)
            throw error
        }
        try noteWritten(image)
        try failpoints.reach(.imageNoted)
    }

    /// From here on a crash leaves it known that we were writing.
    /// - Returns: what was known of the image before.
    private func announceWriting(to image: AdoptedImage) throws -> ImageLooks.Look? {
        let before = state.withLock { $0.looks.looks[image.path] }
        try changeLooks { looks in
            if state.withLock({ $0.restsOnImages }) { try Self.require(image, asLeft: before) }
            looks.looks[image.path] = .beingWritten
        }
        return before
    }

    func noteWritten(_ image: AdoptedImage) throws {
        let look = try ImageLook.flushed(image.path)
        try changeLooks { $0.looks[image.path] = look.map(ImageLooks.Look.left) }
    }

    private static func require(_ image: AdoptedImage, asLeft before: ImageLooks.Look?) throws {
        guard case .left(let look)? = before, let now = ImageLook(of: image.path), now != look else { return }
        throw ReplicaError.writtenMeanwhile(image)
    }

    // MARK: The file

    /// What an older release, or an end in the middle of our own writing, left open is closed: how the images look from
    /// here on is known.
    func takeUpImages() throws {
        let known = state.withLock { $0 }
        guard !known.manifest.adopted.isEmpty else { return }
        var looks = known.looks
        if let spoilt = looks.spoilt, let newest = known.newest {
            looks.spoilt?.cycle = min(spoilt.cycle, newest.cycle)
        }
        for image in known.manifest.adopted {
            if case .left? = looks.looks[image.path] { continue }
            looks.looks[image.path] = try ImageLook.flushed(image.path).map(ImageLooks.Look.left)
        }
        if looks != known.looks { try manifestTurn.withLock { _ in try writeWhatWasSeen(looks) } }
        try noticeStrangers()
    }

    /// In memory first, because no failure to write it makes a point right. On a full disk that will do: the next start
    /// sees the same again, and points that are right are not to be kept from anybody by it.
    private func writeWhatWasSeen(_ looks: ImageLooks) throws {
        state.withLock { $0.looks = looks }
        do { try write(looks) } catch let error as ReplicaError where error.code == .spaceExhausted {
            return
        }
    }

    /// Forgets images that are adopted no more, and points that are gone.
    func forgetLooks() throws {
        let (manifest, known) = state.withLock { ($0.manifest, $0.looks) }
        var looks = known
        let paths = Set(manifest.adopted.map(\.path))
        looks.looks = looks.looks.filter { paths.contains($0.key) }
        if let spoilt = looks.spoilt, manifest.baseCycle > spoilt.cycle { looks.spoilt = nil }
        if looks != known { try changeLooks { $0 = looks } }
    }

    /// Replaces the file durably, then what is in memory.
    private func changeLooks(_ change: (inout ImageLooks) throws -> Void) throws {
        try manifestTurn.withLock { _ in
            let before = state.withLock { $0.looks }
            var looks = before
            try change(&looks)
            guard looks != before else { return }
            try write(looks)
            state.withLock { $0.looks = looks }
        }
    }

    private func write(_ looks: ImageLooks) throws {
        try looks.prepare(layout, failpoints: failpoints)
        try publishing { try ImageLooks.publish(layout, failpoints: failpoints) }
    }
}

extension ReplicaError {
    static func spoilt(_ points: SpoiltPoints) -> ReplicaError {
        ReplicaError(
            .spoilt, "the points up to cycle \(points.cycle) are no longer what they were: \(points.reason)",
            remedy: "Shut the guest off that runs on these disks, if it does; the next cycle compares everything, and "
                + "makes a point that is right.",
            facts: ["rule": "spoilt", "cycle": "\(points.cycle)"])
    }

    static func writtenMeanwhile(_ image: AdoptedImage) -> ReplicaError {
        ReplicaError(
            .spoilt, "somebody else is writing to a disk that is the base of the replica",
            remedy: "Shut the guest off that runs on this disk, and see that nothing starts it.",
            facts: ["rule": "spoilt", "disk": image.target, "path": image.path])
    }

    /// Answered as what is not known to be the parent, because a comparison mends both.
    static func otherShape(_ opening: CycleOpening, because difference: String) -> ReplicaError {
        ReplicaError(
            .wrongParent, "the parent is held with other disks than the cycle's", remedy: "Run a compare cycle.",
            facts: ["cycle": "\(opening.cycle)", "parent": "\(opening.parentCycle)", "because": difference])
    }

    static func mustCompare(_ opening: CycleOpening, because reason: String) -> ReplicaError {
        ReplicaError(
            .wrongParent, "the disks hold what was written after the parent point, and it is not known where",
            remedy: "Run a compare cycle.",
            facts: ["cycle": "\(opening.cycle)", "parent": "\(opening.parentCycle)", "because": reason])
    }
}
