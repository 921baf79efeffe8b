/// One disk as libvirt describes it.
struct DiskDescription: Hashable, Sendable {
    var target: String
    var sizeBytes: UInt64
    var format: String
    var source: String
}

/// An open capture, as the source agent answered it.
struct Capture: Hashable, Sendable {
    struct Disk: Hashable, Sendable {
        var description: DiskDescription
        var nbdURI: String
        /// Empty: every allocated extent.
        var bitmapContext: String
        var regionBytes: UInt64
        /// Changed bytes per region of `regionBytes`, from the disk's start.
        var changed: [UInt64]

        var changedBytes: UInt64 { changed.reduce(0, &+) }
    }

    var cycle: UInt64
    /// By the source host's clock.
    var capturedUnixMilliseconds: Int64
    var consistency: Consistency
    /// Why the consistency is not what was asked for.
    var consistencyNote: String
    var disks: [Disk]
    var definition: String
    var nvram: [UInt8]
    /// From the disks of a guest that is shut off.
    var offline = false

    var changedBytes: UInt64 { disks.reduce(0) { $0 &+ $1.changedBytes } }

    /// Checks the peer's arithmetic before any job is cut from it.
    func checkInvariants() throws {
        guard !disks.isEmpty, disks.count <= PolicyLimits.disksPerGuestMaximum else {
            throw Self.nonsense("it has \(disks.count) disks")
        }
        guard Set(disks.map(\.description.target)).count == disks.count else {
            throw Self.nonsense("two of its disks have one name")
        }
        guard (0...1 << 53).contains(capturedUnixMilliseconds) else {
            throw Self.nonsense("its time is \(capturedUnixMilliseconds) ms")
        }
        var total: UInt64 = 0
        for disk in disks {
            let name = disk.description.target
            guard !disk.nbdURI.isEmpty else { throw Self.nonsense("disk \(name) has no address") }
            guard disk.description.sizeBytes > 0, disk.description.sizeBytes < 1 << 60 else {
                throw Self.nonsense("disk \(name) has \(disk.description.sizeBytes) bytes")
            }
            total += disk.description.sizeBytes
            // So that what all guests' jobs have left can be added up.
            guard total <= PolicyLimits.captureBytesMaximum else {
                throw Self.nonsense("its disks have \(total) bytes together")
            }
            guard disk.regionBytes > 0, disk.regionBytes <= 1 << 60 else {
                throw Self.nonsense("disk \(name) has regions of \(disk.regionBytes) bytes")
            }
            let regions = (disk.description.sizeBytes - 1) / disk.regionBytes + 1
            guard regions <= UInt64(PolicyLimits.regionsPerDisk), disk.changed.count == Int(regions) else {
                throw Self.nonsense("disk \(name) has \(disk.changed.count) regions where \(regions) were expected")
            }
            // With room for the last block of a bitmap.
            let largest = min(disk.regionBytes, disk.description.sizeBytes + 65_536)
            guard disk.changed.allSatisfy({ $0 <= largest }) else {
                throw Self.nonsense("a region of disk \(name) changed by more than its size")
            }
        }
    }

    private static func nonsense(_ what: String) -> PolicyError {
        PolicyError(
            .internal, "The source agent's capture makes no sense: \(what).",
            remedy: "Compare the versions of the policy service and of the agent.")
    }
}

/// Where and under which key the jobs of one open cycle are shipped.
struct TransferDoor: Hashable, Sendable {
    var bulkEndpoint: String
    var token: [UInt8]
    /// Secret; it must never be logged.
    var cycleKey: [UInt8]
    /// What the cycle has to bring besides what changed.
    var diverged: [DivergedRange] = []
}

extension TransferDoor: CustomStringConvertible, CustomReflectable {
    var description: String { "door at \(bulkEndpoint), token and key withheld" }
    var customMirror: Mirror { Mirror(self, children: ["bulkEndpoint": bulkEndpoint]) }
}

/// One finished job as the target must find it.
struct StoredJob: Hashable, Sendable {
    var job: String
    var attempt: UInt32
    var digest: [UInt8]
}

/// What a replica says of itself.
struct ReplicaSummary: Hashable, Sendable {
    /// What a cycle has to lie on: its newest point, or what its base holds where it has none; 0: nothing.
    var newestCycle: UInt64
    /// 0: none.
    var openCycle: UInt64
    var generation: UInt64
}
