import FoundationEssentials
import Hypervisor

/// Whole copies of what a guest that ran from a replica wrote after the point that the other side was started from.
/// They lie beside the replicas and belong to the operator.
struct DivergedCopy: Sendable {
    let directory: String

    /// Blocks for as long as copying takes. A copy that is there whole is not made again.
    func keep(_ disks: [(target: String, path: String)]) throws {
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        for (target, path) in disks {
            let copy = "\(directory)/\(target).qcow2"
            guard !FileManager.default.fileExists(atPath: copy) else { continue }
            try Program.run(
                "qemu-img", ["convert", "-f", "qcow2", "-O", "qcow2", path, copy + ".part"],
                within: HostAgentLimits.divergedCopyDeadline)
            try FileManager.default.moveItem(atPath: copy + ".part", toPath: copy)
        }
    }
}
