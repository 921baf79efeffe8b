import Glibc
import Hypervisor

/// What the images of a guest looked like when it was stopped by command: as long as they look the same, the guest did
/// not run since, and its disks hold what the cycle after that shows.
struct StoppedImages: Sendable, Equatable, Codable {
    /// Of one image; changes of owner and mode, which libvirt makes when a guest ends, do not count.
    struct Look: Sendable, Equatable, Codable {
        var inode: UInt64
        var sizeBytes: Int64
        var modifiedNanoseconds: Int64
    }

    var looks: [String: Look] = [:]

    /// Images that are no files are left out: nothing can be told of them.
    init(of guest: GuestDescription) {
        for disk in guest.disks where disk.source.hasPrefix("/") {
            var status = stat()
            guard stat(disk.source, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
            looks[disk.source] = Look(
                inode: UInt64(status.st_ino), sizeBytes: Int64(status.st_size),
                modifiedNanoseconds: Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec))
        }
    }

    /// The images that look otherwise now, sorted. Of one that was not there then nothing can be told.
    func changed(since before: StoppedImages) -> [String] {
        looks.filter { path, look in before.looks[path].map { $0 != look } ?? false }.keys.sorted()
    }
}
