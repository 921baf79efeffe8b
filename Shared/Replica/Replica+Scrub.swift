internal import DeltaLog
internal import Sealing
internal import Synchronization

/// Verifying everything that can be verified without the source.
extension Replica {
    /// Checks the manifest, every seal and checksum of every log, the order of the journal, and that every byte of the
    /// base images can be read; these carry no checksums. Cycles and retention go on meanwhile.
    /// - Parameter progress: told after every piece; throwing from it stops the scrub.
    package func scrub(progress: (ScrubReport) throws -> Void = { _ in }) throws -> ScrubReport {
        let state = state.withLock { $0 }
        try state.requireReady()
        let baseBytes = try baseBytes()
        var report = ScrubReport(totalBytes: state.journal.storedBytes + baseBytes)
        do {
            _ = try manifests.read()
        } catch let error as ReplicaError {
            report.add(fault: "manifest: \(error)")
        }
        if let fault = VerifiedPoints.read(layout).fault { report.add(fault: "verified: \(fault)") }
        if let spoilt = try noticeStrangers() {
            report.add(fault: "points up to \(spoilt.cycle) are no longer what they were: \(spoilt.reason)")
        }
        for entry in state.journal.chain {
            let before = report.checkedBytes
            try scrub(entry, report: &report, progress: progress)
            // A log that was merged or folded meanwhile counts as done.
            report.checkedBytes = before + entry.point.storedBytes
            try progress(report)
        }
        // After those, because only the first faults are told, and the oldest log is the one that matters.
        for fault in state.journal.faults { report.add(damagedLog: fault.cycle, fault.reason) }
        addStuckFold(state, to: &report)
        for disk in state.manifest.basePoint?.point.disks ?? [] {
            try scrubBaseImage(of: disk, report: &report, progress: progress)
        }
        report.checkedBytes = report.totalBytes
        try progress(report)
        return report
    }

    /// A fold that needs a damaged log, or one that is gone, can never be finished.
    private func addStuckFold(_ state: ReplicaState, to report: inout ScrubReport) {
        guard let target = state.manifest.foldingCycle else { return }
        if state.journal.entry(of: target) == nil, !state.journal.faults.contains(where: { $0.cycle == target }) {
            report.add(damagedLog: target, "the log is missing")
        }
        guard let damaged = report.firstDamagedCycle, damaged <= target else { return }
        report.add(
            fault: "base: it was begun to be brought to point \(target), and that cannot be finished without "
                + ReplicaLayout.logName(damaged))
    }

    private func scrub(
        _ entry: JournalEntry, report: inout ScrubReport, progress: (ScrubReport) throws -> Void
    ) throws {
        var stopped: (any Error)?
        do {
            let reader = try DeltaLogReader(path: layout.log(of: entry.cycle), replicaKey: replicaKey, index: .unread)
            guard isCurrent(entry) else { return }
            guard reader.header.pointIdentifier == entry.point.identifier else {
                report.add(damagedLog: entry.cycle, "it was replaced by another log")
                return
            }
            try reader.verify { bytes in
                report.checkedBytes += bytes
                do { try progress(report) } catch {
                    stopped = error
                    throw error
                }
            }
        } catch {
            if let stopped { throw stopped }
            guard isCurrent(entry) else { return }
            report.add(damagedLog: entry.cycle, "\(error)")
        }
    }

    /// Whether the journal still has this very log.
    private func isCurrent(_ entry: JournalEntry) -> Bool {
        state.withLock { $0.journal.entry(of: entry.cycle) } == entry
    }

    private func openForScrub(_ disk: DeltaLogDisk, report: inout ScrubReport) throws -> (any BaseImage)? {
        do {
            if let image = try images.openForReading(disk.target) { return image }
            if leastImageBytes(of: disk.target) > 0 { report.add(fault: "base/\(disk.target): the image is missing") }
        } catch let error as ReplicaError {
            report.add(fault: "base/\(disk.target): \(error)")
        }
        return nil
    }

    /// How large the image of a disk has to be as things stand now; 0: it may be missing. A fold that goes on, or was cut
    /// off, has cut the image of a disk that is smaller at its target, and is about to remove that of one that went.
    private func leastImageBytes(of target: String) -> UInt64 {
        state.withLock { state in
            func size(_ point: RecoveryPoint?) -> UInt64 {
                point?.disks.first { $0.target == target }?.sizeBytes ?? 0
            }
            switch state.manifest.base {
            case .empty, .absorbing: return 0
            case .settled(let base), .diverged(let base): return size(base.point)
            case .folding(let base, let cycle):
                return min(size(base?.point), size(state.journal.entry(of: cycle)?.point))
            }
        }
    }

    private func scrubBaseImage(
        of disk: DeltaLogDisk, report: inout ScrubReport, progress: (ScrubReport) throws -> Void
    ) throws {
        guard let image = try openForScrub(disk, report: &report) else {
            return
        }
        let size = try image.sizeBytes()
        if size < min(disk.sizeBytes, leastImageBytes(of: disk.target)) {
            report.add(fault: "base/\(disk.target): the image has \(size) bytes, the disk \(disk.sizeBytes)")
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: ReplicaLimits.copyBufferBytes, alignment: 4_096)
        defer { buffer.deallocate() }
        try image.forEachStretch(in: 0..<size) { stretch, isData in
            guard isData else { return }
            for start in stride(from: stretch.lowerBound, to: stretch.upperBound, by: buffer.count) {
                let count = Int(min(UInt64(buffer.count), stretch.upperBound - start))
                do {
                    try image.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), at: start)
                } catch let error as ReplicaError {
                    report.add(fault: "base/\(disk.target) at \(start): \(error)")
                }
                report.checkedBytes += UInt64(count)
                try progress(report)
            }
        }
    }
}
