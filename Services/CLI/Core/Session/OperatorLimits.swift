/// Bounds of the command line.
package enum OperatorLimits {
    /// What an agent takes at most for one shutdown (agent.proto, StopGuest).
    package static let longestShutdownSeconds: UInt32 = 600
    /// A run that stands still this long is left to itself, because scripts must not hang, and a host that restarts its
    /// agent is back sooner.
    package static let standingStillMilliseconds: Int64 = 15_000
    /// How often a run is looked at: often enough for its shortest steps to be seen.
    package static let runLookMilliseconds: Int64 = 250
    /// A protection that the policy service does not know of this long after it was made is told of: it hears of it
    /// within a second, and clocks of two machines may differ by some.
    package static let takingUpMilliseconds: Int64 = 60_000
    /// As many as one pair of clouds can have (vault.proto, CloudPair).
    package static let networksOfAPair = 64

    /// A span that an agent takes as the limit of a shutdown.
    ///
    /// - Throws: `OperatorError` with code `usage`.
    package static func shutdownSeconds(_ text: String) throws -> UInt32 {
        let seconds = try Quantity.seconds(text)
        guard (1...longestShutdownSeconds).contains(seconds) else {
            throw OperatorError(
                .usage, "a guest cannot be given \"\(text)\" to shut down", remedy: "write a span from 1s to 10m")
        }
        return seconds
    }
}
