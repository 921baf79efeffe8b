/// Whether the file system of a base image is about to run full while logs are written into it. A base is as large as the
/// guest's disk, and logs are packed, so a fold may need many times what its logs take; and who runs beside it, a guest
/// from this replica or the agent's own database, stands still on a full file system. A value.
struct FoldSpace {
    /// What a fold leaves free, whatever it would still have to write.
    static let leastFreeBytes = ReplicaLimits.reservedFreeBytes + ReplicaLimits.foldedBetweenLooksBytes

    private let free: () throws -> UInt64
    private var before: UInt64
    private var unlooked: UInt64 = 0

    /// - Parameter free: bytes that may still be used where the image is.
    init(free: @escaping () throws -> UInt64) throws {
        self.free = free
        before = try free()
    }

    /// - Throws: `ReplicaError` with code `spaceExhausted` when what was written took space, and so little is left that
    ///   the next look may come too late. What needs no more space goes on however little there is, because folding is
    ///   also what gives space back.
    mutating func wrote(_ bytes: UInt64) throws {
        unlooked += bytes
        guard unlooked >= ReplicaLimits.foldedBetweenLooksBytes else { return }
        unlooked = 0
        let now = try free()
        defer { before = now }
        guard now < before, now < Self.leastFreeBytes else { return }
        throw ReplicaError(
            .spaceExhausted, "the file system of the base has no room for the rest of the journal",
            remedy: "Free space there; what was begun goes on from where it is.",
            facts: ["reserved": "\(ReplicaLimits.reservedFreeBytes)", "free": "\(now)"])
    }
}
