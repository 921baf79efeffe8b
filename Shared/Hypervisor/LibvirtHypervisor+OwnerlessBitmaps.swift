import Foundation
import Logging
import Synchronization

/// Bitmaps of ours that no checkpoint owns, and that nothing would ever delete.
extension LibvirtHypervisor {
    /// Deletes those of a running guest: of an image that was put back from a copy, with the bitmaps that it had then, or of a
    /// checkpoint that was being deleted when this program ended. Blocks.
    ///
    /// Looked for at a protection's first capture since the start, and whenever everything is read anyway, because it runs
    /// qemu-img for each disk. One that cannot be deleted only costs QEMU some time, so the capture goes on, and the next of
    /// these tries again.
    func deleteOwnerlessBitmaps(_ plan: CapturePlan, of domain: LibvirtDomain) {
        let isFirst = looked.withLock { $0.insert(plan.request.protection).inserted }
        switch plan.request.kind {
        case .incremental: guard isFirst else { return }
        case .full, .compare: break
        }
        do {
            let owned = Set(try domain.checkpointNames())
            for disk in plan.guest.disks
            where disk.format == "qcow2" && FileManager.default.fileExists(atPath: disk.source) {
                for bitmap in try ImageBitmaps.read(disk.source).bitmaps where !owned.contains(bitmap.name) {
                    guard let name = CheckpointName(bitmap.name), name.belongs(to: plan.request.protection) else {
                        continue
                    }
                    try deleteBitmaps(bitmap.name, of: domain)
                    logger.info(
                        "bitmap without a checkpoint deleted", metadata: ["name": "\(name)", "disk": "\(disk.target)"])
                }
            }
        } catch {
            logger.warning(
                "bitmaps without a checkpoint not deleted",
                metadata: ["guest": "\(plan.guest.name)", "error": "\(error)"])
        }
    }
}
