internal import DeltaLog
import Glibc

/// Finds the image of each disk's base, and opens it.
struct BaseImages: Sendable {
    let layout: ReplicaLayout
    let adopted: [AdoptedImage]

    init(layout: ReplicaLayout, manifest: ReplicaManifest) {
        self.layout = layout
        adopted = manifest.adopted
    }

    func adoptedImage(of target: String) -> AdoptedImage? { adopted.first { $0.target == target } }

    func path(of target: String) -> String { adoptedImage(of: target)?.path ?? layout.baseImage(of: target) }

    func format(of target: String) -> AdoptedImage.Format { adoptedImage(of: target)?.format ?? .raw }

    /// - Returns: nil when the disk has no image, which then reads as zeros. An adopted one is never missed silently.
    func openForReading(_ target: String) throws -> (any BaseImage)? {
        if let image = adoptedImage(of: target) { return try ServedBaseImage(image, access: .reading) }
        return try RawBaseImage.openForReading(layout.baseImage(of: target))
    }

    /// Makes the image as large as the disk, and opens it as its only writer.
    func openForWriting(_ disk: DeltaLogDisk) throws -> any BaseImage {
        if let image = adoptedImage(of: disk.target) {
            try QEMUImage.resize(image, to: disk.sizeBytes)
            return try ServedBaseImage(image, access: .writing)
        }
        let image = try RawBaseImage.openForWriting(layout.baseImage(of: disk.target))
        try image.resize(to: disk.sizeBytes)
        return image
    }

    /// Bytes that all images take on disk.
    func allocatedBytes() throws -> UInt64 {
        let own = try DurableFiles.names(in: layout.base).map(layout.baseImage(of:))
        // A scrub tells of an image that is missing; here it takes no room.
        let all = own + adopted.map(\.path).filter(DurableFiles.exists)
        return try all.reduce(0) { total, path in
            total + UInt64(try OpenFile(path: path, flags: O_RDONLY).status().st_blocks) * 512
        }
    }
}
