package import ArgumentParser

/// `bascule failover GUEST --test | --planned | --unplanned`
package struct FailoverCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "failover", abstract: "Start a guest at the other site: to test it, planned, or after a disaster.",
        discussion: """
            --test       beside running replication, on the test network, under another
                         name; remove it with: bascule cleanup GUEST
            --planned    the guest is shut down, its last changes are fetched, it starts
                         at the other site, and replication turns round: nothing is lost
            --unplanned  from a point, with or without the source; afterwards the guest
                         is commit pending: commit, cancel, change-point or reverse

            Steps are shown as they go. Ctrl-C leaves the run going.

            EXAMPLES
              bascule failover web1 --test --point application
              bascule failover web1 --planned --dry-run
              bascule failover web1 --unplanned --point 2026-11-23T03:44:00Z
              bascule failover web1 --unplanned --reach-source --yes
            """)

    package enum Way: String, EnumerableFlag {
        case test
        case planned
        case unplanned

        package static func help(for way: Way) -> ArgumentHelp? {
            switch way {
            case .test: "Beside running replication, isolated."
            case .planned: "Shut down, last delta, start, replicate back; loses nothing."
            case .unplanned: "From a point, with or without the source."
            }
        }
    }

    @Argument(help: "Guest, or identifier of the protection.")
    var guest: String

    @Flag(exclusivity: .exclusive)
    var way: Way

    @Option(
        help: ArgumentHelp(
            "Which point: latest, application, verified, a cycle, an identifier, a time.", valueName: "point"))
    var point: String?

    @Flag(help: "With --unplanned: try to shut the source down and to fetch what it wrote last.")
    var reachSource = false

    @Option(help: ArgumentHelp("How long the guest may take to shut down.", valueName: "span"))
    var shutdownLimit: String?

    @Flag(help: "Pull the plug of a guest that does not shut down in time.")
    var forceOff = false

    @OptionGroup var run: RunOptions
    @OptionGroup package var common: CommonOptions

    package init() {}

    package func validate() throws {
        if way == .planned, point != nil {
            throw ValidationError("--planned takes no --point: it uses the one that it makes after the shutdown.")
        }
        if reachSource, way != .unplanned { throw ValidationError("--reach-source goes with --unplanned.") }
        if way == .test || (way == .unplanned && !reachSource), shutdownLimit != nil || forceOff {
            throw ValidationError(
                "--shutdown-limit and --force-off go with --planned, or with --unplanned --reach-source.")
        }
    }

    package func perform(in session: OperatorSession) async throws {
        var order = RunOrder(kind, of: guest)
        if way != .planned { order.point = try await .named(point ?? "latest", of: guest, in: session) }
        order.reachSource = reachSource
        order.shutdownLimitSeconds = try shutdownLimit.map(OperatorLimits.shutdownSeconds)
        order.forceOff = forceOff
        try await RunLaunch(order: order, options: run, question: question).perform(in: session)
    }

    private var kind: RunRecord.Kind {
        switch way {
        case .test: .test
        case .planned: .planned
        case .unplanned: .unplanned
        }
    }

    /// A test disturbs nothing, so nobody is asked.
    private var question: (@Sendable (RunRecord) -> String)? {
        switch way {
        case .test: nil
        case .planned: { "Shut \($0.guest) down at \($0.fromHost) and go on at \($0.toHost)?" }
        case .unplanned: { "Start \($0.guest) at \($0.toHost)? What was written after the point is lost." }
        }
    }
}
