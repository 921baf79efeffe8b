/// The description that every checkpoint of ours carries: which disks it was made over. libvirt keeps it with the
/// checkpoint, so that nothing of ours has to be in step with it.
struct CheckpointDisk: Sendable, Hashable, Codable {
    let target: String
    let sizeBytes: UInt64
    /// Number of the image's file, which another file under the same name does not have; 0 for a device.
    let inode: UInt64
}
