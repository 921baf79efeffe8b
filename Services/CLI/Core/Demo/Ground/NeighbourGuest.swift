import Foundation
import TestGuest

/// The other guest of the demo in containers: it is at home at site B and protected towards site A, counts by itself from
/// its boot on, and has to notice nothing of what is done to the guest of the story, and to containers that it is not in.
///
/// It has an emulated TPM, because swtpm has needs of its own in a container.
enum NeighbourGuest {
    static let name = "neighbour"
    /// Its folder, at both sites.
    static let folder = "/var/lib/guests/neighbour"
    static let recordsPerSecond = 5
    static let diskMiB = 32

    /// Always the same, because the definition is part of an image and the guest outlives it.
    private static let identifier = UUID(uuid: (0xBA, 0x5C, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 2))

    static var guest: TestGuest {
        let image = GuestImage(kernel: "\(folder)/kernel", initramfs: "\(folder)/initramfs.cpio", hasGuestAgent: true)
        return TestGuest(
            name: name, uuid: identifier, folder: folder, image: image,
            disks: [TestGuest.Disk(sizeBytes: UInt64(diskMiB) << 20)], recordAreaBytes: 16 << 20,
            recordsPerSecond: recordsPerSecond)
    }

    /// The guest's definition, part of the image.
    static var definition: String {
        let device = "  <tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>\n"
        return guest.definition().replacingOccurrences(of: "  </devices>", with: "\(device)  </devices>")
    }

    /// A line for each disk: its target, and its size as `qemu-img` takes it.
    static var disks: String { "\(guest.diskTarget(0)) \(diskMiB)M\n" }
}
