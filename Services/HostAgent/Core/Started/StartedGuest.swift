/// A guest that was started from a replica, as its request is answered.
package struct StartedGuest: Sendable, Equatable, Codable {
    package var uuid: String
    package var name: String
    /// The point that it was started from.
    package var cycle: UInt64
    /// From the request's arrival to the guest's first instruction.
    package var startMilliseconds: UInt64
    /// This host's clock.
    package var runningUnixMilliseconds: Int64
    package var warnings: [String]

    package init(
        uuid: String, name: String, cycle: UInt64, startMilliseconds: UInt64, runningUnixMilliseconds: Int64,
        warnings: [String]
    ) {
        self.uuid = uuid
        self.name = name
        self.cycle = cycle
        self.startMilliseconds = startMilliseconds
        self.runningUnixMilliseconds = runningUnixMilliseconds
        self.warnings = warnings
    }
}
