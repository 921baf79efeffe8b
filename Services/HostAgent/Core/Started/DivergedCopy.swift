import FoundationEssentials
import Hypervisor

/// Whole copies of what a guest that ran from a replica wrote after the point that the other side was started from.
/// They lie beside the replicas and belong to the operator.
struct DivergedCopy: Sendable {
    let directory: String

    /// On stable storage when it returns, because replication overwrites the disks next. Blocks for as long as copying
    /// takes.
    /// - Parameter isKept: what the disks hold now was copied already, so a copy that is there whole is not made again.
    ///   Else the guest ran since, and the new copy takes the place of the old one once it is whole.
    func keep(_ disks: [(target: String, path: String)], isKept: Bool) throws {
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        for (target, path) in disks {
            let copy = "\(directory)/\(target).qcow2"
            if isKept, FileManager.default.fileExists(atPath: copy) { continue }
            try Program.run(
                "qemu-img", ["convert", "-f", "qcow2", "-O", "qcow2", path, copy + ".part"],
                within: HostAgentLimits.divergedCopyDeadline)
            try StableStorage.synchronize(copy + ".part")
            try StableStorage.rename(copy + ".part", to: copy)
        }
        // The copies' names, and the directory's own.
        for folder in [directory, directory + "/.."] { try StableStorage.synchronize(folder) }
    }
}
