package import ArgumentParser
import FoundationEssentials
import Messages

/// `bascule status [GUEST] [--watch]`
package struct StatusCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show how every protection stands: state, health and why, age of the newest point.",
        discussion: """
            ACTIVE is the host whose guest may run; NEWEST is the age of the newest
            recovery point; PENDING is what the open cycle still has to store; CHANGED,
            SENT and TOOK are of the last cycle that committed. Below the table it
            says why anything is not normal, and what to do.

            EXAMPLES
              bascule status
              bascule status web1 --json
              bascule status --watch            refreshed every second until Ctrl-C
              bascule status --check            exit status 4 when anything is critical,
                                                5 when the policy service does not answer
            """)

    @Argument(help: "Only this guest.")
    var guest: String?

    @Flag(help: "Refresh every second until Ctrl-C.")
    var watch = false

    @Flag(help: "End with exit status 4 when any health is critical, with 5 when it cannot be told.")
    var check = false

    @OptionGroup package var common: CommonOptions

    package init() {}

    package func perform(in session: OperatorSession) async throws {
        let vault = try await session.vault()
        let policy = try await session.policy()
        while true {
            let report = try await look(vault: vault, policy: policy)
            try show(report, in: session)
            guard watch else {
                if check { try report.check() }
                return
            }
            try await session.pauseBetweenLooks(.seconds(1))
        }
    }

    private func look(vault: VaultClient, policy: PolicyClient) async throws -> StatusReport {
        let registry = try await vault.registry()
        let protections = try guest.map { [try registry.protection(named: $0)] } ?? registry.protections
        // The registry alone still tells states; what the policy service knows is missing until it answers.
        do {
            let statuses = try await policy.statuses()
            return StatusReport(
                registry: registry, protections: protections, statuses: statuses, policyError: nil,
                nowUnixMilliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
        } catch let error as RemoteError where error.code == .unavailable || error.code == .deadlineExceeded {
            return StatusReport(registry: registry, protections: protections, statuses: [], policyError: error.message)
        }
    }

    private func show(_ report: StatusReport, in session: OperatorSession) throws {
        if session.json { return session.console.print(try JSONDocument.text(report)) }
        let lines = report.lines(width: session.console.width, styled: session.console.usesColor)
        if watch {
            session.console.showScreen(lines)
        } else {
            for line in lines { session.console.print(line) }
        }
    }
}
