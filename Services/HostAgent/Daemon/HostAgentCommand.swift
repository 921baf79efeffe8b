import ArgumentParser
import ServiceRuntime

/// The host agent as a process. What it does is in `HostAgentService`, what `doctor` does in `HostExamination`, what
/// `recover` does in `ReplicaRecovery`, and what `identity` does in `HostIdentityRecovery`.
@main
struct HostAgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bascule-agent",
        abstract: "Captures the guests of this host, and receives replicas of guests that run elsewhere.",
        version: BasculeVersion.current,
        subcommands: [ServeCommand.self, DoctorCommand.self, RecoverCommand.self, IdentityCommand.self],
        defaultSubcommand: ServeCommand.self)
}
