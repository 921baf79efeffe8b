import ArgumentParser
import HostAgent
import Logging
import Messages
import ServiceRuntime

/// `bascule-agent identity`: after the agent's database was lost.
struct IdentityCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identity",
        abstract: "Makes an agent whose database was lost the host again that the vault knows.",
        discussion: """
            To be run on the host while its agent is stopped; the vault has to answer. It is refused while a host of this
            name reports to the vault. The identity is taken in a new incarnation: if it was another machine's, and that
            one comes back, the vault refuses it, and its agent does nothing any more and says so.

            Ends with 0 (done), 1 (failed), 3 (not found), 4 (refused) or 5 (no answer).

            EXAMPLES
              bascule-agent identity alpha --config /etc/bascule/agent.yaml
            """)

    @Option(help: "A YAML file with the agent's settings.")
    var config: String?

    @Argument(help: "Name of the host, as its settings and the vault have it.")
    var host: String

    func run() async throws {
        let settings = try await ServiceSettings.read(HostAgentSettings.keys, file: config)
        ServiceRunner.startLogging(level: .warning)
        do {
            let outcome = try await HostIdentityRecovery.take(
                host, settings: try HostAgentSettings(settings), logger: Logger(label: "identity"))
            switch outcome {
            case .taken(let identifier): print("This is host \(host) again (\(identifier)). Start its agent.")
            case .had(let identifier): print("This is host \(host) already (\(identifier)). Nothing was changed.")
            }
        } catch {
            throw AgentFailure.end(RemoteError(answering: error), json: false)
        }
    }
}
