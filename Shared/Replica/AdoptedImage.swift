internal import DeltaLog

/// A guest's own disk image that is the base of one disk of a replica, where it is. It is read and written through
/// QEMU, so whatever QEMU knows of its format holds: backing files, bitmaps, encryption apart, snapshots.
package struct AdoptedImage: Sendable, Hashable {
    package enum Format: UInt8, Sendable, Hashable {
        case raw = 1
        case qcow2 = 2

        /// As QEMU names its drivers.
        package var driver: String {
            switch self {
            case .raw: "raw"
            case .qcow2: "qcow2"
            }
        }

        /// - Parameter driver: as QEMU and libvirt name it.
        package init?(driver: String) {
            switch driver {
            case "raw": self = .raw
            case "qcow2": self = .qcow2
            default: return nil
            }
        }
    }

    package var target: String
    /// Absolute.
    package var path: String
    package var format: Format
    /// Of the disk, as a guest sees it, when it was adopted.
    package var sizeBytes: UInt64
    /// Whether the image holds compressed clusters. Found out when it is adopted; writing adds none. Layout.md,
    /// "Adopted images", says what they change.
    package internal(set) var isCompressed: Bool

    package init(target: String, path: String, format: Format, sizeBytes: UInt64) {
        self.init(target: target, path: path, format: format, sizeBytes: sizeBytes, isCompressed: false)
    }

    init(target: String, path: String, format: Format, sizeBytes: UInt64, isCompressed: Bool) {
        self.target = target
        self.path = path
        self.format = format
        self.sizeBytes = sizeBytes
        self.isCompressed = isCompressed
    }

    /// For QEMU's tools. Commas separate options, so one in a name is doubled.
    func options(_ more: [String] = []) -> String {
        let file = path.replacing(",", with: ",,")
        return (["driver=\(format.driver)"] + more + ["file.filename=\(file)"]).joined(separator: ",")
    }

    /// - Throws: `ReplicaError` with code `invalidArgument`, naming the image and the rule.
    static func check(_ images: [AdoptedImage]) throws {
        try DiskShape.check(images.map { DeltaLogDisk(target: $0.target, sizeBytes: $0.sizeBytes) }, mayBeNone: true)
        var paths: Set<String> = []
        for image in images {
            guard
                image.path.hasPrefix("/"), image.path.utf8.count <= ReplicaLimits.imagePathBytes,
                !image.path.utf8.contains(0)
            else {
                throw ReplicaError(
                    .invalidArgument, "the path of an image is not absolute, or too long",
                    remedy: "Name the image by its whole path.", facts: ["disk": image.target, "path": image.path])
            }
            guard paths.insert(image.path).inserted else {
                throw ReplicaError(
                    .invalidArgument, "two disks have the same image", remedy: "Give every disk its own image.",
                    facts: ["path": image.path])
            }
        }
    }
}
