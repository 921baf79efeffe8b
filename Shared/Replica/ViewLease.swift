import Glibc

/// What a view in another process holds so that retention leaves alone what it reads: a locked file in `leases/` that
/// says up to which cycle. Layout.md, "Leases", has the protocol.
final class ViewLease: Sendable {
    private let lock: FileLock
    private let path: String

    /// Takes a lease on everything. It waits while the replica's owner publishes a fold or a merge, which takes
    /// moments.
    init(_ layout: ReplicaLayout) throws {
        let gate = try FileLock.wait(.shared, path: layout.gate)
        path = "\(layout.leases)/\(getpid())-\(UInt64.random(in: .min ... .max))"
        guard let lock = try FileLock.attempt(.exclusive, path: path) else {
            preconditionFailure("a lease file with a fresh name is locked by another")
        }
        self.lock = lock
        _ = consume gate
    }

    deinit {
        // A lease file that stays is unlocked, and so is recognised as left over.
        unlink(path)
    }

    /// Lets go of everything above a cycle.
    func narrow(to cycle: UInt64) throws {
        try lock.write("\(cycle)\n")
    }

    /// The cycles that live views of other processes need: `UInt64.max` for one that has not said yet. Leases whose
    /// holders are gone are removed.
    ///
    /// - Precondition: the caller holds the gate exclusively, or nobody can take a lease.
    static func heldCycles(_ layout: ReplicaLayout) throws -> Set<UInt64> {
        var held: Set<UInt64> = []
        for name in try DurableFiles.names(in: layout.leases) {
            let path = "\(layout.leases)/\(name)"
            guard path != layout.gate else { continue }
            if try FileLock.attempt(.exclusive, path: path) != nil {
                try DurableFiles.remove(path)
                continue
            }
            let text = String(decoding: try DurableFiles.read(path, limit: 64), as: UTF8.self)
            // Half a number cannot be mistaken for a whole one, because the line's end is written with it.
            held.insert(text.hasSuffix("\n") ? UInt64(text.dropLast()) ?? .max : .max)
        }
        return held
    }
}
