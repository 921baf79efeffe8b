/// Bounds of the command line.
package enum OperatorLimits {
    /// What an agent takes at most for one shutdown (agent.proto, StopGuest).
    package static let longestShutdownSeconds: UInt32 = 600
    /// A run that stands still this long is left to itself, because scripts must not hang, and a host that restarts its
    /// agent is back sooner.
    package static let standingStillMilliseconds: Int64 = 15_000
    /// How often a run is looked at: often enough for its shortest steps to be seen.
    package static let runLookMilliseconds: Int64 = 250
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
