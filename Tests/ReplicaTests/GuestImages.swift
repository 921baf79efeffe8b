import FoundationEssentials
import Glibc
import Replica
import Testing

/// A guest's own disk images with given content, made with QEMU's tools.
enum GuestImages {
    enum Style: String, Sendable, CaseIterable {
        case raw
        /// A small overlay on a qcow2 on a raw file, with persistent bitmaps, one of them recording.
        case chainWithBitmaps
        /// Compressed, as cloud images come.
        case compressed
        /// Clusters of 4 KiB and with an internal snapshot.
        case smallClustersWithSnapshot

        var format: AdoptedImage.Format {
            switch self {
            case .raw: .raw
            case .chainWithBitmaps, .compressed, .smallClustersWithSnapshot: .qcow2
            }
        }
    }

    /// What is missing; said once, loudly, because a skipped test proves nothing.
    static let missing: [String] = {
        let missing = ["qemu-nbd", "qemu-img", "qemu-io"].filter { access("/usr/bin/" + $0, X_OK) != 0 }
        if !missing.isEmpty { print("SKIPPED: adopted images are not tested, because these are missing: \(missing)") }
        return missing
    }()

    static func make(_ guest: GuestModel, style: Style, in directory: String) throws -> [AdoptedImage] {
        try guest.disks.map { disk in
            // A comma and a space, because both have a meaning for QEMU's options and for shells.
            let path = "\(directory)/\(disk.target), own.\(style.format.driver)"
            let content = "\(directory)/content"
            try Data(disk.bytes).write(to: URL(fileURLWithPath: content))
            defer { unlink(content) }
            switch style {
            case .raw: _ = try run(["convert", "-f", "raw", "-O", "raw", content, path])
            case .compressed: _ = try run(["convert", "-f", "raw", "-O", "qcow2", "-c", content, path])
            case .smallClustersWithSnapshot:
                _ = try run(["convert", "-f", "raw", "-O", "qcow2", "-o", "cluster_size=4k", content, path])
                _ = try run(["snapshot", "-c", "of the guest's own", path])
            case .chainWithBitmaps: try makeChain(disk, content: content, path: path, directory: directory)
            }
            return AdoptedImage(
                target: disk.target, path: path, format: style.format, sizeBytes: UInt64(disk.bytes.count))
        }
    }

    private static func makeChain(_ disk: GuestModel.Disk, content: String, path: String, directory: String) throws {
        let lowest = "\(directory)/\(disk.target)-lowest.raw"
        let middle = "\(directory)/\(disk.target)-middle.qcow2"
        // Half of the blocks come from below, others differ from what is below.
        var older = disk.bytes
        for block in stride(from: 0, to: older.count / GuestModel.blockBytes, by: 2) {
            older[block * GuestModel.blockBytes] ^= 0x55
        }
        try Data(older).write(to: URL(fileURLWithPath: lowest))
        _ = try run(["create", "-f", "qcow2", "-b", lowest, "-F", "raw", middle])
        _ = try run(["convert", "-f", "raw", "-O", "qcow2", "-B", middle, "-F", "qcow2", content, path])
        _ = try run(["bitmap", "--add", path, "recording"])
        _ = try run(["bitmap", "--add", "--disable", path, "resting"])
    }

    @discardableResult
    static func run(_ arguments: [String]) throws -> String { try NbdkitTools.run(["qemu-img"] + arguments) }

    /// What a guest would read.
    static func bytes(_ image: AdoptedImage) throws -> [UInt8] {
        let copy = ReplicaFixture.uniqueParent() + ".raw"
        defer { unlink(copy) }
        try run(["convert", "-f", image.format.driver, "-O", "raw", image.path, copy])
        return try Array(Data(contentsOf: URL(fileURLWithPath: copy)))
    }

    /// Numbers of the qemu-nbd processes that have an image of a directory open.
    static func servers(of directory: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { name in
            guard pid_t(name) != nil, let line = FileManager.default.contents(atPath: "/proc/\(name)/cmdline") else {
                return false
            }
            let text = String(decoding: line, as: UTF8.self)
            return text.hasPrefix("qemu-nbd") && text.contains(directory)
        }
    }
}

extension ReplicaFixture {
    /// What the guest finds on its own disks.
    func checkImages(against expected: [String: [UInt8]]?, sourceLocation: SourceLocation = #_sourceLocation) throws {
        for image in try replica.describe().adopted {
            let isEqual = try GuestImages.bytes(image) == expected?[image.target]
            #expect(isEqual, "\(image.path) is not what the disk held", sourceLocation: sourceLocation)
        }
    }
}
