internal import FoundationEssentials

/// What `qemu-img` does for adopted images and overlays. Each call runs the tool to its end.
enum QEMUImage {
    private struct Information: Decodable {
        var virtualSize: UInt64
        var format: String
        var backing: String?
        /// The same, with the directory of the image before it where it is relative.
        var fullBacking: String?
        var backingFormat: String?

        enum CodingKeys: String, CodingKey {
            case virtualSize = "virtual-size"
            case format
            case backing = "backing-filename"
            case fullBacking = "full-backing-filename"
            case backingFormat = "backing-filename-format"
        }
    }

    private struct Check: Decodable {
        var compressedClusters: UInt64?

        enum CodingKeys: String, CodingKey {
            case compressedClusters = "compressed-clusters"
        }
    }

    /// Of the disk, as a guest sees it.
    static func sizeBytes(_ image: AdoptedImage) throws -> UInt64 {
        let command = ["info", "--force-share", "--output=json", "--image-opts", image.options()]
        return try decode(Information.self, run(command, on: image.path)).virtualSize
    }

    /// The same, of an image whose backing file may be out of reach.
    static func topSizeBytes(_ image: AdoptedImage) throws -> UInt64 {
        let command = ["info", "--force-share", "--output=json", "--image-opts", image.options(["backing="])]
        return try decode(Information.self, run(command, on: image.path)).virtualSize
    }

    /// Reads an image's whole metadata.
    /// - Throws: when it is damaged.
    static func holdsCompressedClusters(_ image: AdoptedImage) throws -> Bool {
        switch image.format {
        case .raw: return false
        case .qcow2:
            // 3: some clusters are leaked, which costs space and nothing else.
            let said = try run(
                ["check", "--force-share", "--output=json", "--image-opts", image.options()], on: image.path,
                accepting: [0, 3])
            return try (decode(Check.self, said).compressedClusters ?? 0) > 0
        }
    }

    /// Gives the disk another size, if it has not got it. What it gains reads as zeros.
    static func resize(_ image: AdoptedImage, to size: UInt64) throws {
        let held = try sizeBytes(image)
        guard held != size else { return }
        let shrink = held > size ? ["--shrink"] : []
        _ = try run(["resize"] + shrink + ["--image-opts", image.options(), "\(size)"], on: image.path)
        guard held < size, image.format == .qcow2 else { return }
        // An end within a cluster may once have cut it, and QEMU shows again what it holds beyond.
        let cluster = ReplicaLimits.largestClusterBytes
        let tail = held..<min(size, (held + cluster - 1) / cluster * cluster)
        guard !tail.isEmpty else { return }
        let served = try ServedBaseImage(image, access: .writing)
        do {
            try served.zero(tail)
            try served.synchronize()
        } catch {
            try served.close()
            throw error
        }
        try served.close()
    }

    /// What an image names as the one beneath it, without looking whether that is there; nil: it rests on none.
    /// - Parameter format: nil lets QEMU find it out, as it does for an image that names none for the one beneath.
    static func backing(of path: String, format: String?) throws -> (path: String, format: String?)? {
        let named = format.map { ["-f", $0] } ?? []
        let said = try run(["info", "--force-share", "--output=json"] + named + [path], on: path)
        let information = try decode(Information.self, said)
        guard let beneath = information.fullBacking ?? information.backing else { return nil }
        return (beneath, information.backingFormat)
    }

    /// - Throws: when a qcow2 image, or one of those that it rests on, cannot be opened.
    static func requireReadableChain(_ path: String) throws {
        _ = try run(["info", "--force-share", "--backing-chain", "-f", "qcow2", path], on: path)
    }

    /// Writes what an overlay, and images between it and the base, hold into the base, and leaves them as they are:
    /// doing it again gives the same.
    /// - Parameter lowest: the image right above the base, whatever it was made upon; the overlay, or one beneath it.
    static func commit(_ overlay: String, lowest: String, into image: AdoptedImage) throws {
        _ = try run(
            ["rebase", "-u", "-f", "qcow2", "-F", image.format.driver, "-b", image.path, lowest], on: lowest)
        let base = lowest == overlay ? [] : ["-b", image.path]
        _ = try run(["commit", "-f", "qcow2", "-d"] + base + [overlay], on: overlay)
    }

    /// Writes a qcow2 image, with everything that it rests on, over what another one holds, and leaves it as it is:
    /// doing it again gives the same. Both are of one size.
    static func copyChain(_ path: String, into image: AdoptedImage) throws {
        let whole = AdoptedImage(target: image.target, path: path, format: .qcow2, sizeBytes: image.sizeBytes)
        // Into the image that is there, because making it anew would take an adopted one from the guest.
        _ = try run(
            ["convert", "-n", "--image-opts", "--target-image-opts", whole.options(), image.options()], on: path)
    }

    private static func decode<Value: Decodable>(_ type: Value.Type, _ text: String) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(text.utf8))
        } catch {
            throw ReplicaError(
                .system, "qemu-img answered something else than it is known to", remedy: "Install QEMU 7.2 or newer.",
                facts: ["answer": text], cause: error)
        }
    }

    private static func run(_ arguments: [String], on path: String, accepting: Set<Int32> = [0]) throws -> String {
        let process = try BoundProcess(["qemu-img"] + arguments)
        let status = process.waitUntilEnd()
        let said = process.complaint
        guard accepting.contains(status) else {
            let isLocked = said.contains("lock")
            throw ReplicaError(
                isLocked ? .inUse : .system,
                isLocked ? "an image is open elsewhere" : "qemu-img could not do what was asked",
                remedy: isLocked ? "Shut the guest off that uses it." : "See what it says; check path and format.",
                facts: ["command": arguments[0], "path": path, "status": "\(status)", "qemu-img": said])
        }
        return try process.answer()
    }
}
