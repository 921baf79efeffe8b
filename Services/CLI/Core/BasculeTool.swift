import ArgumentParser
import Foundation
import Logging
import MessageBus
import ServiceRuntime

/// The command line of operators: arguments in, exit status out.
///
///     arguments ─► BasculeCommand (parsing) ─► OperatorSession ─► perform(in:) ─► Console
///                                                 │ settings, JSON or tables
///                                                 └► VaultClient, PolicyClient, AgentClient ─► MessageBus
///
/// Commands decide nothing about how things are shown or told: `Table`, `ProgressBar`, `StatusReport` and
/// `FailureReport` are values that tests read.
package enum BasculeTool {
    package static var version: String { BasculeVersion.current }

    /// Runs the process's own command line; Ctrl-C and SIGTERM cancel the command, which then cleans up behind itself.
    package static func main() async -> Never {
        let arguments = Array(CommandLine.arguments.dropFirst())
        let console = TerminalConsole()
        let command = Task { await run(arguments, console: console, environment: ProcessInfo.processInfo.environment) }
        let signals = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { command.cancel() }
            source.resume()
            return source
        }
        let status = await command.value
        for source in signals { source.cancel() }
        exit(status.rawValue)
    }

    /// Parses and performs one command line; every error has been told on `console` when this returns.
    package static func run(
        _ arguments: [String], console: any Console, environment: [String: String]
    ) async -> CommandStatus {
        let parsed: any ParsableCommand
        do {
            parsed = try BasculeCommand.parseAsRoot(arguments)
        } catch {
            return tell(parsing: error, console: console)
        }
        if let recover = parsed as? RecoverCommand {
            do {
                try recover.perform(console: console, environment: environment)
                return .ok
            } catch {
                return tell(error, json: false, console: console)
            }
        }
        guard let command = parsed as? any OperatorCommand else {
            // The root and command groups without a default have nothing to perform but their help; `bascule help X`
            // is ArgumentParser's own.
            do {
                var own = parsed
                try own.run()
                return .ok
            } catch {
                return tell(parsing: error, console: console)
            }
        }
        do {
            let session = try await makeSession(for: command.common, console: console, environment: environment)
            let result: Result<Void, any Error>
            do { result = .success(try await command.perform(in: session)) } catch { result = .failure(error) }
            await session.bus.shutdown()
            console.showProgress(nil)
            try result.get()
            return .ok
        } catch {
            return tell(error, json: command.common.json, console: console)
        }
    }

    private static func makeSession(
        for common: CommonOptions, console: any Console, environment: [String: String]
    ) async throws -> OperatorSession {
        var layers = [common.layer, OperatorSettings.Layer(environment: environment)]
        layers += try await SettingsFile.layers(named: common.config, environment: environment)
        var logger = Logger(label: "bascule") { label -> any LogHandler in
            // Commands tell errors themselves; the log is for looking into the connections.
            if environment["BASCULE_LOG_LEVEL"] == nil { return SwiftLogNoOpLogHandler() }
            return StreamLogHandler.standardError(label: label)
        }
        logger.logLevel = environment["BASCULE_LOG_LEVEL"].flatMap(Logger.Level.init(rawValue:)) ?? .critical
        let user = environment["USER"].flatMap { $0.isEmpty ? nil : $0 } ?? "operator"
        return OperatorSession(
            console: console, settings: OperatorSettings(layers: layers), json: common.json,
            deadline: .seconds(Int(common.deadline)), bus: MessageBus(name: "cli/\(user)", logger: logger))
    }

    private static func tell(parsing error: any Error, console: any Console) -> CommandStatus {
        let message = BasculeCommand.fullMessage(for: error)
        if BasculeCommand.exitCode(for: error) == .success {
            console.print(message)
            return .ok
        }
        console.printError(message)
        return .usage
    }

    private static func tell(_ error: any Error, json: Bool, console: any Console) -> CommandStatus {
        let report = FailureReport(error)
        if json, let text = report.text {
            console.printError(text)
        } else {
            for line in report.lines { console.printError(line) }
        }
        return report.status
    }
}
