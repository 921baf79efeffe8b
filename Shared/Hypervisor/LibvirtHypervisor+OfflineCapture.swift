import BlockDevice
import Foundation
import Synchronization

extension LibvirtHypervisor {
    /// Captures a guest that is off: its images are served as they are.
    ///
    /// A guest that is off can neither get nor lose a checkpoint, so the base stays the base: the next capture, once
    /// the guest runs, is incremental from the same checkpoint and holds what changed since then, this capture's part
    /// included. That is a little more than needed, and never less.
    func openOffline(_ plan: CapturePlan) async throws -> CaptureDescription {
        let before = try fingerprints(of: plan)
        let record = OfflineRecord.read(directory.offlineRecord(plan.request.protection))
        let isUnchanged: Bool
        if case .incremental(let parent) = plan.request.kind, let record {
            isUnchanged = record.cycle == parent && record.images == before
        } else {
            isUnchanged = false
        }
        let (base, end) = try await call { [self] connection in
            let domain = try connection.domain(plan.guest.uuid)
            return (isUnchanged ? nil : try offlineBase(plan, domain), try domain.power().end)
        }
        let captured = Self.unixMilliseconds()
        let exports = try await startExports(plan, base: base)
        do {
            var disks: [CapturedDisk] = []
            for (disk, export) in zip(plan.guest.disks, exports) {
                let context = base.map { BlockContext.dirtyBitmap($0.description) }
                let counted = try await countChanges(of: disk, at: export.uri, context: context, plan.request)
                disks.append(isUnchanged ? counted.withoutChanges : counted)
            }
            let wantsApplication = plan.request.consistency == .application
            let description = CaptureDescription(
                cycle: plan.request.cycle, capturedUnixMilliseconds: captured,
                consistency: end == .shutDown ? .application : .crash,
                consistencyNote: wantsApplication ? Self.whyCrashConsistent(end) : "",
                disks: disks, definition: plan.guest.definition, nvram: try plan.firmwareBytes(), isOffline: true,
                frozen: .zero)
            let capture = OpenCapture(
                protection: plan.request.protection, guest: plan.guest.uuid, name: plan.name,
                source: .images(exports, before), description: description)
            captures.withLock { $0[capture.protection] = capture }
            try await verifyCapture(protection: capture.protection, cycle: capture.name.cycle)
            return description
        } catch {
            captures.withLock { _ = $0.removeValue(forKey: plan.request.protection) }
            try await call { [directory] _ in for export in exports { try export.stop(in: directory) } }
            throw error
        }
    }

    /// Empty when it is not.
    private static func whyCrashConsistent(_ end: GuestEnd?) -> String {
        switch end {
        case .shutDown: ""
        case .saved: "The guest's memory is saved, and its disks may lack what it had not written yet."
        case .migrated, .unknown, nil: "The guest is off, and it is not known that it was shut down cleanly."
        }
    }

    private func fingerprints(of plan: CapturePlan) throws -> [String: ImageFingerprint] {
        var images: [String: ImageFingerprint] = [:]
        for disk in plan.guest.disks { images[disk.target] = try ImageFingerprint.read(disk.source) }
        return images
    }

    /// The checkpoint whose bitmaps tell what changed, for an incremental capture. Blocks.
    private func offlineBase(_ plan: CapturePlan, _ domain: LibvirtDomain) throws -> CheckpointName? {
        guard case .incremental(let parent) = plan.request.kind else { return nil }
        let own = try domain.checkpointNames().compactMap(CheckpointName.init)
        let base = try usableBase(plan, own, parent: parent, domain)
        for disk in plan.guest.disks {
            guard let bitmap = try ImageBitmaps.read(disk.source)[base.description], bitmap.isRecording else {
                throw HypervisorError(
                    .needsCompare, "The image of disk \(disk.target) holds no change bitmap \(base).",
                    remedy: "Nothing: the disks are compared with the next cycle.")
            }
            if bitmap.isInUse { throw HypervisorError.inconsistentBitmap(disk: disk.target) }
        }
        return base
    }

    private func startExports(_ plan: CapturePlan, base: CheckpointName?) async throws -> [OfflineExport] {
        try await call { [directory] _ in
            var started: [OfflineExport] = []
            do {
                for disk in plan.guest.disks {
                    started.append(
                        try OfflineExport.start(
                            disk: disk.target, image: disk.source, bitmap: base?.description, name: plan.name,
                            in: directory))
                }
                return started
            } catch {
                for export in started { try export.stop(in: directory) }
                throw error
            }
        }
    }

    package func verifyCapture(protection: String, cycle: UInt64) async throws {
        guard let capture = captures.withLock({ $0[protection] }), capture.name.cycle == cycle else {
            throw HypervisorError(.captureNotFound, "No capture of cycle \(cycle) is open.")
        }
        if let loss = capture.loss { throw loss }
        let reason = try await call { connection -> String? in
            let domain = try connection.domain(capture.guest)
            switch capture.source {
            case .job(let socket):
                let serving = try domain.backup().flatMap(BackupDocument.socket)
                return serving == socket ? nil : "The backup job ended."
            case .images(_, let before):
                guard try !domain.power().state.hasProcess else { return "The guest was started." }
                for disk in capture.description.disks {
                    guard try ImageFingerprint.read(disk.disk.source) == before[disk.disk.target] else {
                        return "The image of disk \(disk.disk.target) was written to."
                    }
                }
                return nil
            }
        }
        guard let reason else { return }
        let error = HypervisorError(.captureLost, reason)
        lose(capture, error)
        throw error
    }
}

extension CapturedDisk {
    /// The same disk with nothing to send.
    fileprivate var withoutChanges: CapturedDisk {
        CapturedDisk(
            disk: disk, nbdURI: nbdURI, bitmapContext: bitmapContext, regionBytes: regionBytes,
            changed: changed.map { _ in 0 })
    }
}
