import Hypervisor
import Replica

/// What the images of a guest looked like when it was stopped by command: as long as they look the same, the guest did
/// not run since, and its disks hold what the cycle after that shows.
struct StoppedImages: Sendable, Equatable, Codable {
    var looks: [String: ImageLook] = [:]

    /// Images that are no files are left out: nothing can be told of them.
    init(of guest: GuestDescription) {
        for disk in guest.disks where disk.source.hasPrefix("/") {
            if let look = ImageLook(of: disk.source) { looks[disk.source] = look }
        }
    }

    /// The images that look otherwise now, sorted. Of one that was not there then nothing can be told.
    func changed(since before: StoppedImages) -> [String] {
        looks.filter { path, look in before.looks[path].map { $0 != look } ?? false }.keys.sorted()
    }
}
