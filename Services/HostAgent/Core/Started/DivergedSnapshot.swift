import Hypervisor
import Replica

/// A snapshot inside each qcow2 image, of what an old source wrote after the point that the other side was started
/// from. Replication overwrites the disks afterwards, and not the snapshot.
///
/// None is ever removed or replaced: it may be the only place where something is. A guest that ran again after it was
/// made gets another one, with a number behind the name.
struct DivergedSnapshot: Sendable {
    let protection: String
    let generation: UInt64

    /// Generations begin anew when a guest is protected again, so the protection is part of the name.
    var name: String { "bascule-diverged-\(protection.prefix(8))-g\(generation)" }

    /// Before anything else is done to the images. Blocks.
    /// - Parameter isKept: what the images hold now is in a snapshot already, so one that is there is the one that is
    ///   asked for.
    func keep(_ images: [AdoptedImage], isKept: Bool) throws {
        for image in images {
            guard image.format == .qcow2 else {
                throw HostAgentError(
                    .failedPrecondition, "Disk \(image.target) is not qcow2, so what it holds cannot be kept in it.",
                    remedy: "Copy the image, and adopt the disks without keeping.",
                    facts: ["disk": image.target, "path": image.path])
            }
        }
        for image in images {
            let there = try names(in: image.path)
            if isKept, there.contains(name) { continue }
            try Program.run(
                "qemu-img", ["snapshot", "-c", try freeName(besides: there, image), image.path],
                within: HostAgentLimits.divergedSnapshotDeadline)
        }
    }

    private func freeName(besides there: Set<String>, _ image: AdoptedImage) throws -> String {
        let names = [name] + (2...HostAgentLimits.divergedSnapshotsMaximum).map { "\(name)-\($0)" }
        guard let free = names.first(where: { !there.contains($0) }) else {
            throw HostAgentError(
                .resourceExhausted,
                "Disk \(image.target) has \(names.count) snapshots of this failover: its guest was started again and again.",
                remedy: "Look at them (qemu-img snapshot -l), remove those that are not needed, and ask again.",
                facts: ["disk": image.target, "path": image.path, "snapshot": name])
        }
        return free
    }

    private func names(in path: String) throws -> Set<String> {
        let list = try Program.run(
            "qemu-img", ["snapshot", "-l", path], within: HostAgentLimits.divergedSnapshotDeadline)
        // ID, TAG, and the rest in columns.
        return Set(
            list.split(separator: "\n").compactMap { line in
                let columns = line.split(separator: " ")
                return columns.count > 1 ? String(columns[1]) : nil
            })
    }
}
