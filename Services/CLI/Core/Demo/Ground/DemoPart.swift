/// A piece of the story that is played by itself, on services that already run; whoever plays it does something to the
/// containers between two pieces.
enum DemoPart: String, Sendable, CaseIterable {
    /// Fills the guest's disks.
    case fill
    /// Registers, pairs and protects, with a limit on the bandwidth, and does not wait.
    case protect
    case replication
    case test
    case planned
    case failback
    /// The primary has been killed already.
    case disaster
    /// Lets the guest write records at the story's pace.
    case write
    /// The same where the guest runs after a failover.
    case writeAway = "write-away"
    /// Some random blocks, so that the next cycle has something to carry.
    case burst
    /// The records of the newest point, or of those named, are whole, and the guest met no I/O error.
    case check
    /// A point is what the disks held at the instant of its capture, as the witness hashed them.
    case prove
    /// The table of all that was shown.
    case closing

    /// - Throws: `OperatorError` with code `usage`.
    static func named(_ word: String) throws -> DemoPart {
        guard let part = DemoPart(rawValue: word) else {
            let parts = allCases.map(\.rawValue).joined(separator: ", ")
            throw OperatorError(.usage, "\"\(word)\" is no part of the demo", remedy: "one of: \(parts)")
        }
        return part
    }
}
