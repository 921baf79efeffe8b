/// How much of the replicas' file system stays free, whatever arrives.
package struct SpaceReserve: Sendable {
    package var bytes: UInt64
    /// The file system is asked again after this much was stored.
    package var checkEveryBytes: UInt64
    /// What the file system of a directory has left.
    package var freeBytes: @Sendable (_ directory: String) throws -> UInt64 = { directory in
        try FileSystemSpace(of: directory).freeBytes
    }

    package init(
        bytes: UInt64 = HostAgentLimits.reservedFreeBytes, checkEveryBytes: UInt64 = HostAgentLimits.freeSpaceCheckBytes
    ) {
        precondition(checkEveryBytes > 0, "the file system is asked now and then")
        self.bytes = bytes
        self.checkEveryBytes = checkEveryBytes
    }

    func check(_ directory: String) throws {
        let free = try freeBytes(directory)
        guard free >= bytes else {
            throw HostAgentError(
                .resourceExhausted, "The file system of the replicas runs full.",
                remedy: "Free space there, or shorten the policy's retention; the next cycle then goes on.",
                facts: ["free": "\(free)", "reserved": "\(bytes)", "directory": directory])
        }
    }
}
