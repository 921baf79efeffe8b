import FoundationEssentials
import Glibc
import Testing

@testable import Replica

extension ReplicaFixture {
    /// Overlays upon the base images that hold what the guest's disks hold, by target.
    func overlays() throws -> [String: String] {
        let adopted = try replica.describe().adopted
        return try Dictionary(
            uniqueKeysWithValues: guest.disks.map { disk in
                let overlay = "\(parent)/\(disk.target).overlay"
                let content = "\(parent)/content"
                try Data(disk.bytes).write(to: URL(fileURLWithPath: content))
                defer { unlink(content) }
                let image = adopted.first { $0.target == disk.target }
                try GuestImages.run([
                    "convert", "-f", "raw", "-O", "qcow2", "-B", image?.path ?? "\(directory)/base/\(disk.target)",
                    "-F",
                    image?.format.driver ?? "raw", content, overlay,
                ])
                return (disk.target, overlay)
            })
    }
}
