import Foundation
import Logging
import Synchronization

/// Bitmaps of ours that no checkpoint owns, and that nothing would ever delete.
extension LibvirtHypervisor {
    /// Deletes those that a running guest's images had when QEMU opened them: of an image that was put back from a copy, with
    /// the bitmaps that it had then, or of a checkpoint that was being deleted when this program ended. (An image tells of a
    /// bitmap that was made since only when QEMU has closed it, so that one is found in the guest's next run.) Blocks.
    ///
    /// Looked for at a protection's first capture in each run of its guest, and whenever everything is read anyway, because it
    /// runs qemu-img for each disk. One that cannot be deleted only costs QEMU some time, so the capture goes on.
    func deleteOwnerlessBitmaps(_ plan: CapturePlan, in run: GuestRun, of domain: LibvirtDomain) {
        guard let number = run.number else { return }
        let isFirst = looked.withLock { $0.updateValue(number, forKey: plan.request.protection) != number }
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
                    deleteOwnerlessBitmap(name, of: disk, domain)
                }
            }
        } catch {
            logger.warning(
                "bitmaps without a checkpoint not looked for",
                metadata: ["guest": "\(plan.guest.name)", "error": "\(error)"])
        }
    }

    private func deleteOwnerlessBitmap(_ name: CheckpointName, of disk: DiskDescription, _ domain: LibvirtDomain) {
        var metadata: Logger.Metadata = ["name": "\(name)", "disk": "\(disk.target)"]
        do {
            try deleteBitmaps(name.description, of: domain)
            // The image says so at once, and the call before is content with a refusal.
            if try ImageBitmaps.read(disk.source)[name.description] == nil {
                logger.info("bitmap without a checkpoint deleted", metadata: metadata)
            } else {
                logger.warning(
                    "bitmap without a checkpoint stays, because QEMU does not let go of it", metadata: metadata)
            }
        } catch {
            metadata["error"] = "\(error)"
            logger.warning("bitmap without a checkpoint not deleted", metadata: metadata)
        }
    }
}
