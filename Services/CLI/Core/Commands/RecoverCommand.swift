package import ArgumentParser
import Foundation
import ServiceRuntime

/// `bascule recover …`: becomes `bascule-agent recover …`, which needs no service.
///
/// It has no session and reads no settings but the environment, because on its day nothing else may be left.
package struct RecoverCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "recover", abstract: "Start a guest from its replica directory alone, on the target host.",
        discussion: """
            For the day when nothing else is left: no vault, no network, no source. Run it
            on the host that keeps the replicas, with the settings file of its agent. The
            services learn what happened when they are back. Everything after recover goes
            to bascule-agent as it is.

            EXAMPLES
              bascule recover --config /etc/bascule/agent.yaml list
              bascule recover --config /etc/bascule/agent.yaml list --json
              bascule recover --config /etc/bascule/agent.yaml verify ID
              bascule recover --config /etc/bascule/agent.yaml start ID --cycle 17
              bascule recover --config /etc/bascule/agent.yaml start ID --point verified
              bascule recover --config /etc/bascule/agent.yaml stop ID
              bascule recover --config /etc/bascule/agent.yaml set-aside ID
            """)

    @Argument(parsing: .captureForPassthrough, help: "What bascule-agent recover takes.")
    var arguments: [String] = []

    package init() {}

    /// - Throws: `OperatorError` when the agent's program is not there, or cannot be run.
    func perform(console: any Console, environment: [String: String]) throws {
        if arguments.isEmpty || arguments == ["--help"] || arguments == ["-h"] {
            return console.print(BasculeCommand.helpMessage(for: Self.self))
        }
        let named = environment[OperatorSettings.Key.binaries.settingKey.environmentName] ?? ""
        let program = try InstalledPrograms(binaries: named).path(of: "bascule-agent")
        try Self.become(program, ["recover"] + arguments)
    }

    /// Replaces this process, so that terminal, signals and exit status are those of the agent's own command.
    private static func become(_ program: String, _ arguments: [String]) throws -> Never {
        // An ignored signal stays ignored across an exec (execve(2)), and Ctrl-C has to end the other program.
        for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
        var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
        words.append(nil)
        execv(program, words)
        let why = String(cString: strerror(errno))
        for word in words { free(word) }
        throw OperatorError(
            .failed, "\(program) cannot be run: \(why)", remedy: "see that it may be executed, and fits this machine")
    }
}
