package import ArgumentParser

/// `bascule change-point GUEST --point P`
package struct ChangePointCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "change-point", abstract: "After an unplanned failover: start from another point instead.",
        discussion: """
            What the guest wrote since the failover is lost. Possible until commit.

            EXAMPLES
              bascule points web1
              bascule change-point web1 --point 17
              bascule change-point web1 --point 2026-11-23T03:44:00Z --yes
            """)

    @Argument(help: "Guest, or identifier of the protection.")
    var guest: String

    @Option(
        help: ArgumentHelp(
            "Which point: latest, application, verified, a cycle, an identifier, a time.", valueName: "point"))
    var point: String

    @OptionGroup var run: RunOptions
    @OptionGroup package var common: CommonOptions

    package init() {}

    package func perform(in session: OperatorSession) async throws {
        var order = RunOrder(.changePoint, of: guest)
        order.point = try await .named(point, of: guest, in: session)
        try await RunLaunch(order: order, options: run) { plan in
            let other = plan.cycle > 0 ? "point \(plan.cycle)" : "another point"
            return "Start \(plan.guest) from \(other)? What it wrote since the failover is lost."
        }.perform(in: session)
    }
}
