import DeltaLog
import Replica
import Synchronization

/// An open cycle of one replica while its records arrive. Used by the transfers' own threads, so everything here may
/// block.
final class ReceivedCycle: Sendable {
    let protection: String
    let token: [UInt8]
    let replica: Replica
    let open: ReplicaOpenCycle

    private let space: SpaceReserve
    private let storedBytes = Atomic<UInt64>(0)
    /// Made for the first comparison; it holds retention away from the parent point while the cycle is open.
    private let parent = Mutex<ReplicaView?>(nil)

    init(protection: String, token: [UInt8], replica: Replica, open: ReplicaOpenCycle, space: SpaceReserve) {
        self.protection = protection
        self.token = token
        self.replica = replica
        self.open = open
        self.space = space
    }

    var writer: DeltaLogWriter { open.writer }

    /// Records are stored; now and then the file system is asked what it has left, because the commit needs space for
    /// index and trailer, and other programs live on the same file system.
    func stored(_ bytes: Int) throws {
        let before = storedBytes.add(UInt64(bytes), ordering: .relaxed).oldValue
        guard before / space.checkEveryBytes != (before + UInt64(bytes)) / space.checkEveryBytes else { return }
        try space.check(replica.directory)
    }

    /// Hashes of the parent point, which is what the source compares with.
    func hashes(disk: UInt16, range: Range<UInt64>) throws -> [UInt8] {
        guard Int(disk) < open.opening.disks.count else {
            throw HostAgentError(.invalidArgument, "The cycle has no disk \(disk).", facts: ["disk": "\(disk)"])
        }
        let target = open.opening.disks[Int(disk)].target
        let view = try parent.withLock { view in
            if let view { return view }
            let opened = try replica.parentView()
            view = opened
            return opened
        }
        return try BlockHashes.compute(disk: view.disk(target), range: range)
    }
}
