import Hypervisor
import Replica

/// A snapshot inside each qcow2 image, of what an old source wrote after the point that the other side was started
/// from. Replication overwrites the disks afterwards, and not the snapshot.
struct DivergedSnapshot: Sendable {
    let generation: UInt64

    var name: String { "bascule-diverged-g\(generation)" }

    /// Before anything else is done to the images. One that is there already is the one that was asked for. Blocks.
    func keep(_ images: [AdoptedImage]) throws {
        for image in images {
            guard image.format == .qcow2 else {
                throw HostAgentError(
                    .failedPrecondition, "Disk \(image.target) is not qcow2, so what it holds cannot be kept in it.",
                    remedy: "Copy the image, and adopt the disks without keeping.",
                    facts: ["disk": image.target, "path": image.path])
            }
        }
        for image in images where !(try isThere(image.path)) {
            try Program.run(
                "qemu-img", ["snapshot", "-c", name, image.path], within: HostAgentLimits.divergedSnapshotDeadline)
        }
    }

    private func isThere(_ path: String) throws -> Bool {
        let list = try Program.run(
            "qemu-img", ["snapshot", "-l", path], within: HostAgentLimits.divergedSnapshotDeadline)
        // ID, TAG, and the rest in columns.
        return list.split(separator: "\n").contains { line in
            let columns = line.split(separator: " ")
            return columns.count > 1 && columns[1] == name
        }
    }
}
