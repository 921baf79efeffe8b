import ArgumentParser
import Foundation
import Testing

@testable import OperatorCLI

@Suite struct HelpTests {
    /// Every command with the words that reach it: `["policy", "set"]`.
    private static let commands: [(path: [String], type: any ParsableCommand.Type)] = {
        var found: [(path: [String], type: any ParsableCommand.Type)] = []
        var pending: [(path: [String], type: any ParsableCommand.Type)] = [([], BasculeCommand.self)]
        while let next = pending.popLast() {
            found.append(next)
            for child in next.type.configuration.groupedSubcommands.flatMap(\.subcommands)
                + next.type.configuration.subcommands
            {
                pending.append((next.path + [child._commandName], child))
            }
        }
        return found
    }()

    private static let paths = commands.map(\.path)

    @Test(arguments: paths) func helpFitsATerminalOfEightyColumns(path: [String]) async {
        let console = RecordingConsole()
        let status = await BasculeTool.run(path + ["--help"], console: console, environment: [:])
        #expect(status == .ok)
        for command in Self.commands where command.path == path {
            for line in command.type.configuration.discussion.split(separator: "\n") { #expect(line.count <= 80) }
        }
    }

    @Test(arguments: paths) func everyCommandIsInTheManual(path: [String]) throws {
        let manual = try Self.manual()
        #expect(manual.contains(".B bascule \(path.joined(separator: " "))".trimmingCharacters(in: .whitespaces)))
    }

    @Test(arguments: CommandStatus.allCases) func everyExitStatusIsInTheManual(status: CommandStatus) throws {
        #expect(try Self.manual().contains(".B \(status.rawValue)\n"))
    }

    @Test func aWrongCommandLineIsAUsageErrorAndShowsTheUsage() async {
        let console = RecordingConsole()
        #expect(await BasculeTool.run(["protect"], console: console, environment: [:]) == .usage)
        #expect(console.said.errors.joined().contains("Usage: bascule protect"))
        #expect(console.said.output.isEmpty)
    }

    @Test func completionsComeForEveryShell() async {
        for shell in ["bash", "zsh", "fish"] {
            let console = RecordingConsole()
            let status = await BasculeTool.run(
                ["--generate-completion-script", shell], console: console, environment: [:])
            #expect(status == .ok)
            #expect(console.said.output.joined().contains("bascule"))
        }
    }

    private static func manual() throws -> String {
        var top = URL(filePath: #filePath)
        for _ in 0..<3 { top.deleteLastPathComponent() }
        return try String(contentsOf: top.appending(path: "Services/CLI/Documentation/bascule.1"), encoding: .utf8)
            .replacing("\\-", with: "-")
    }
}
