/// Compares the disks that a checkpoint was made over with those that the guest has now.
package struct CheckpointComparison: Sendable, Hashable {
    /// Sizes in bytes by target.
    package let atCheckpoint: [String: UInt64]
    package let now: [String: UInt64]

    package init(atCheckpoint: [String: UInt64], now: [String: UInt64]) {
        self.atCheckpoint = atCheckpoint
        self.now = now
    }

    /// Throws `.needsFull` when a disk was added, because the target has nothing of it, and `.needsCompare` when one
    /// was removed or has another size, with one sentence that names the disks.
    package func check() throws {
        let added = now.keys.filter { atCheckpoint[$0] == nil }.sorted()
        if !added.isEmpty {
            throw HypervisorError(
                .needsFull, "Disk \(added.joined(separator: ", ")) was added since the last recovery point.",
                remedy: "Nothing: it is copied with the next cycle.")
        }
        let removed = atCheckpoint.keys.filter { now[$0] == nil }.sorted()
        if !removed.isEmpty {
            throw HypervisorError(
                .needsCompare, "Disk \(removed.joined(separator: ", ")) was removed since the last recovery point.",
                remedy: "Nothing: the other disks are compared with the next cycle.")
        }
        for (target, size) in now.sorted(by: { $0.key < $1.key }) {
            guard let before = atCheckpoint[target], before != size else { continue }
            throw HypervisorError(
                .needsCompare, "Disk \(target) changed its size from \(before) to \(size) bytes.",
                remedy: "Nothing: the disk is compared with the next cycle.")
        }
    }
}

extension HypervisorError {
    static func noCheckpoint(parentCycle: UInt64) -> HypervisorError {
        HypervisorError(
            .needsCompare, "The guest holds no checkpoint of cycle \(parentCycle) or earlier, so changes are unknown.",
            remedy: "Nothing: the disks are compared with the next cycle.")
    }

    static func inconsistentBitmap(disk: String) -> HypervisorError {
        HypervisorError(
            .needsCompare,
            "The change bitmap of disk \(disk) is inconsistent, as after QEMU or the host went down hard.",
            remedy: "Nothing: the disks are compared with the next cycle.")
    }
}

extension Finding {
    static func rawDisk(target: String) -> Finding {
        Finding(
            .rawDisk, subject: target,
            message: "Disk \(target) is raw, and a raw disk keeps no record of what changed.",
            remedy:
                "Shut the guest off, convert the disk with `qemu-img convert -O qcow2`, and name it in the definition.")
    }

    static func noDisks(guest: String) -> Finding {
        Finding(
            .noDisks, subject: "", message: "Guest \(guest) has no disk that can be replicated.",
            remedy: "Add a qcow2 disk that is neither shared nor read-only.")
    }

    /// - Parameter count: of the disks that are to be captured; more than `HypervisorLimits.disksPerGuest`.
    package static func tooManyDisks(guest: String, count: Int) -> Finding {
        Finding(
            .tooManyDisks, subject: "",
            message: "Guest \(guest) has \(count) disks to replicate, and a recovery point holds at most "
                + "\(HypervisorLimits.disksPerGuest).",
            remedy: "Detach disks, or give some of them to another guest.")
    }

    /// - Parameter count: of the findings that a report has no room for.
    package static func moreFindings(guest: String, count: Int) -> Finding {
        Finding(
            .moreFindings, subject: "", message: "\(count) more findings of guest \(guest) are not told.",
            remedy: "Mend those that are told; the others take their place.")
    }
}
