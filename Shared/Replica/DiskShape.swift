internal import DeltaLog

/// The rules for the disks of a cycle, alone and against the parent point.
enum DiskShape {
    /// Checks names and sizes, because a target names a base image and an NBD export.
    /// - Throws: `ReplicaError` with code `invalidArgument` or `limitExceeded`, naming the disk and the rule.
    static func check(_ disks: [DeltaLogDisk], mayBeNone: Bool = false) throws {
        guard !disks.isEmpty || mayBeNone else {
            throw ReplicaError(.invalidArgument, "a point needs at least one disk", remedy: "Name the guest's disks.")
        }
        guard disks.count <= DeltaLogLimits.disks else {
            throw ReplicaError(
                .limitExceeded, "the guest has too many disks",
                remedy: "Protect a guest with at most \(DeltaLogLimits.disks) disks.",
                facts: ["disks": "\(disks.count)"])
        }
        var seen: Set<String> = []
        var total: UInt64 = 0
        for disk in disks {
            try check(disk)
            // No overflow, because each is at most a quarter of the limit, which the sum before keeps.
            total += disk.sizeBytes
            guard total <= ReplicaLimits.disksBytes else {
                throw ReplicaError(
                    .limitExceeded, "the disks are too large together",
                    remedy: "Protect a guest with at most \(ReplicaLimits.disksBytes) bytes of disks.",
                    facts: ["disk": disk.target])
            }
            guard seen.insert(disk.target).inserted else {
                throw ReplicaError(
                    .invalidArgument, "two disks have the same target", remedy: "Give every disk its own target.",
                    facts: ["disk": disk.target])
            }
        }
    }

    /// What keeps the changes since a checkpoint from giving every byte of the disks upon what is held: a guest that is off
    /// keeps the checkpoint that it was shut down with, whatever sizes its disks had in points since; the disks of an old
    /// side have the sizes of today; and what a disk gains is not always zero, nor told as changed.
    /// - Returns: a sentence about the first disk that is not held, or in another size; nil when there is none.
    static func difference(_ disks: [DeltaLogDisk], from held: [DeltaLogDisk]) -> String? {
        for disk in disks {
            guard let here = held.first(where: { $0.target == disk.target }) else {
                return "Disk \(disk.target) is not among the disks here."
            }
            guard here.sizeBytes == disk.sizeBytes else {
                return "Disk \(disk.target) has \(here.sizeBytes) bytes here and \(disk.sizeBytes) at the other side."
            }
        }
        return nil
    }

    /// The parts of the new disks about which the parent point says nothing: what a cycle's records leave out there is
    /// zero, and must be said so, because base images may hold older bytes beneath.
    static func entering(
        _ disks: [DeltaLogDisk], kind: CycleKind, onto parent: [DeltaLogDisk]
    ) -> [(disk: Int, range: Range<UInt64>)] {
        disks.enumerated().compactMap { position, disk in
            let before = parent.first { $0.target == disk.target }?.sizeBytes ?? 0
            let start = kind == .full ? 0 : min(before, disk.sizeBytes)
            return start < disk.sizeBytes ? (position, start..<disk.sizeBytes) : nil
        }
    }

    /// Whether logs of the two shapes can be merged: records name disks by their position, so a position must keep its
    /// disk, and a disk its bytes.
    static func merges(_ newer: [DeltaLogDisk], onto older: [DeltaLogDisk]) -> Bool {
        newer.count >= older.count
            && zip(older, newer).allSatisfy { $0.target == $1.target && $0.sizeBytes <= $1.sizeBytes }
    }

    private static func check(_ disk: DeltaLogDisk) throws {
        let bytes = Array(disk.target.utf8)
        guard
            !bytes.isEmpty, bytes.count <= DeltaLogLimits.targetNameBytes, bytes[0] != UInt8(ascii: "."),
            bytes.allSatisfy(isPlain)
        else {
            throw ReplicaError(
                .invalidArgument, "a disk target cannot name a file",
                remedy: "Use letters, digits, '.', '_' and '-', at most \(DeltaLogLimits.targetNameBytes), "
                    + "with no leading dot.",
                facts: ["disk": disk.target])
        }
        guard
            disk.sizeBytes > 0, disk.sizeBytes <= DeltaLogLimits.diskBytes,
            disk.sizeBytes % DeltaLogLimits.sectorBytes == 0
        else {
            throw ReplicaError(
                .invalidArgument, "a disk size is not a whole number of sectors, or is out of bounds",
                remedy: "Resize the disk to a multiple of \(DeltaLogLimits.sectorBytes) bytes.",
                facts: ["disk": disk.target, "size": "\(disk.sizeBytes)"])
        }
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
