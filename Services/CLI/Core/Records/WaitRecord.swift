/// How the waiting of `--wait` for one protection ended.
package struct WaitRecord: Sendable, Equatable, Codable {
    package var protection: String
    package var guest: String
    /// False: it cannot be reached any more, or the waiting was interrupted.
    package var reached: Bool
    /// The last cycle that committed; nil: none did, or it did not come so far.
    package var cycle: CycleRecord?

    package init(_ protection: Registry.Protection, reached: Bool, cycle: CycleRecord? = nil) {
        self.protection = protection.id
        guest = protection.guest
        self.reached = reached
        self.cycle = cycle
    }
}
