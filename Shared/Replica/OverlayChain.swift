internal import DeltaLog
import Glibc

/// Where the chain of images leads that a guest wrote to. An operator may have attached a disk that rests on a template,
/// put a snapshot on top of an overlay, or brought a disk back under another name.
enum OverlayChain: Equatable {
    /// To the base of the disk, or to a view of it: what lies above holds what differs from the base.
    /// - lowest: the image right above the base; the overlay itself when nothing lies between.
    case uponBase(lowest: String)
    /// Elsewhere, or nowhere: the chain holds the whole disk, and the base nothing of it.
    case whole

    /// Follows the chain downward from an overlay. It changes nothing.
    /// - Parameters:
    ///   - base: the image that is the base of the disk, whether it is there or not.
    ///   - others: the bases of the other disks, which are written to as well.
    /// - Throws: `ReplicaError`: `invalidArgument` when the chain rests on another disk's base, or is too long; `system`
    ///   when an image of it cannot be read.
    init(of overlay: String, disk target: String, base: String, others: [String]) throws {
        var image = overlay
        var format: String? = AdoptedImage.Format.qcow2.driver
        for _ in 0..<ReplicaLimits.imagesPerChain {
            guard let beneath = try QEMUImage.backing(of: image, format: format) else {
                self = .whole
                return
            }
            // A view is gone by now, and held what the base holds.
            if Self.isView(beneath.path, of: target) || Self.isSame(beneath.path, base) {
                self = .uponBase(lowest: image)
                return
            }
            if let other = others.first(where: { Self.isSame(beneath.path, $0) }) {
                throw ReplicaError(
                    .invalidArgument, "a disk rests on the base of another one, which is about to be written",
                    remedy: "Make an image of its own of it with `qemu-img convert`, and give that to the guest.",
                    facts: ["disk": target, "image": image, "base": other])
            }
            guard beneath.path.hasPrefix("/") else {
                // No file, so that only QEMU knows whether it is there.
                try QEMUImage.requireReadableChain(overlay)
                self = .whole
                return
            }
            (image, format) = beneath
        }
        throw ReplicaError(
            .invalidArgument, "a disk rests on too many images",
            remedy: "Join them with `qemu-img rebase` or `qemu-img convert`.",
            facts: ["disk": target, "image": overlay, "most": "\(ReplicaLimits.imagesPerChain)"])
    }

    private static func isView(_ path: String, of target: String) -> Bool {
        path.hasPrefix("nbd+unix:///\(target)?socket=")
    }

    private static func isSame(_ path: String, _ other: String) -> Bool {
        guard path != other else { return true }
        var (first, second) = (stat(), stat())
        guard stat(path, &first) == 0, stat(other, &second) == 0 else { return false }
        return first.st_dev == second.st_dev && first.st_ino == second.st_ino
    }
}
