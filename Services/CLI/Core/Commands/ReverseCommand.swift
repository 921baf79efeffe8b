package import ArgumentParser

/// `bascule reverse GUEST [--keep-diverged]`
package struct ReverseCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "reverse", abstract: "After an unplanned failover: replicate back to the old source.",
        discussion: """
            The old source has to answer again. Its guest is shut down, and its disks
            become the replica, in place: only what differs travels. What that side wrote
            after the point is overwritten; --keep-diverged keeps it in a snapshot inside
            each image. After a planned failover this happens by itself.

            EXAMPLES
              bascule reverse web1 --dry-run
              bascule reverse web1 --keep-diverged
            """)

    @Argument(help: "Guest, or identifier of the protection.")
    var guest: String

    @Flag(help: "Keep what the old side wrote after the point, in a snapshot inside each image.")
    var keepDiverged = false

    @OptionGroup var run: RunOptions
    @OptionGroup package var common: CommonOptions

    package init() {}

    package func perform(in session: OperatorSession) async throws {
        var order = RunOrder(.reverse, of: guest)
        order.keepDiverged = keepDiverged
        let lost = keepDiverged ? "kept in a snapshot" : "overwritten"
        try await RunLaunch(order: order, options: run) { plan in
            "Make the old disks of \(plan.guest) its replica? What that side wrote after the point is \(lost)."
        }.perform(in: session)
    }
}
