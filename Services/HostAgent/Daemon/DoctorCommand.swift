import ArgumentParser
import HostAgent
import Hypervisor
import Logging
import Messages
import ServiceRuntime

/// `bascule-agent doctor`: the checks of `bascule doctor` for this host, when its agent or the vault does not answer.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Checks this host for what the agent needs, and says how to mend each.",
        discussion: """
            To be run on the host, with the settings file of its agent, whether or not that runs. It makes the agent's
            directories when they are missing, as a start does, and changes nothing else.

            Ends with 0 when every check passed, with 4 when one failed.

            EXAMPLES
              bascule-agent doctor --config /etc/bascule/agent.yaml
              bascule-agent doctor --config /etc/bascule/agent.yaml --failed --json
            """)

    @Option(help: "A YAML file with the agent's settings.")
    var config: String?

    @Flag(help: "Show only what failed.")
    var failed = false

    @Flag(help: "Answer with one JSON document, as bascule doctor --json does.")
    var json = false

    private struct Document: Encodable {
        var checks: [HostExamination.Check]
    }

    func run() async throws {
        ServiceRunner.startLogging(level: .critical)
        let checks = await examine()
        let shown = failed ? checks.filter { !$0.passed } : checks
        if json {
            print(try MachineDocument.text(Document(checks: shown)))
        } else {
            for line in Self.table(of: shown) { print(line) }
            for check in shown where !check.passed && !check.remedy.isEmpty {
                print("  \(check.host): \(check.name): \(check.remedy)")
            }
        }
        let broken = checks.count { !$0.passed }
        guard broken > 0 else { return }
        throw AgentFailure.end(
            RemoteError(
                .failedPrecondition, "\(broken) of \(checks.count) checks failed.",
                remedy: "Mend what is said above, then repeat."), json: json)
    }

    /// Settings that cannot be read are what an agent that does not start has most often.
    private func examine() async -> [HostExamination.Check] {
        do {
            let settings = try await ServiceSettings.read(HostAgentSettings.keys, file: config)
            let agentSettings = try HostAgentSettings(settings)
            let uri = try settings.text("hypervisor")
            let logger = Logger(label: "doctor")
            let hypervisor = DeferredHypervisor {
                try await LibvirtHypervisor.connect(
                    LibvirtSettings(uri: uri, directory: agentSettings.capturesDirectory), logger: logger)
            }
            let checks = await HostExamination.examine(settings: agentSettings, hypervisor: hypervisor, logger: logger)
            await hypervisor.close()
            return checks
        } catch let error as ServiceSettingsError {
            return [
                .init(host: "–", name: "settings", passed: false, detail: error.message, remedy: error.remedy)
            ]
        } catch {
            return [
                .init(
                    host: "–", name: "settings", passed: false, detail: "\(error)", remedy: "Correct the settings file."
                )
            ]
        }
    }

    private static func table(of checks: [HostExamination.Check]) -> [String] {
        let rows =
            [["HOST", "CHECK", "RESULT", "DETAIL"]]
            + checks.map { [$0.host, $0.name, $0.passed ? "ok" : "FAILED", $0.detail] }
        let widths = (0..<3).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { column, text in
                column < 3 ? text + String(repeating: " ", count: widths[column] + 2 - text.count) : text
            }.joined()
        }
    }
}
