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
            // Those in groups are among them.
            for child in next.type.configuration.subcommands {
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

    @Test(arguments: commands.map { ($0.path, $0.type.configuration.discussion) })
    func everyCommandHasExamples(path: [String], discussion: String) throws {
        let examples = try #require(
            discussion.split(separator: "EXAMPLES\n", maxSplits: 1).dropFirst().first
                ?? (discussion.hasPrefix("EXAMPLES\n") ? discussion.dropFirst("EXAMPLES\n".count) : nil),
            "bascule \(path.joined(separator: " ")) --help has no EXAMPLES")
        let words = (["bascule"] + path).joined(separator: " ")
        #expect(examples.contains(words), "none of its examples is of \(words)")
    }

    @Test(arguments: paths) func everyOptionIsInTheManual(path: [String]) throws {
        let type = try #require(Self.commands.first { $0.path == path }).type
        let manual = try Self.manual()
        let shared = Self.options(of: CommonOptions.self).union(["--help", "--version"])
        let ofRuns = Self.options(of: RunOptions.self)
        let entry = try #require(Self.entry(of: path, in: manual))
        let failover = try #require(manual.split(separator: ".SS Fail over\n").last?.split(separator: ".TP").first)
        for option in Self.options(of: type).subtracting(shared) {
            let isThere = entry.contains(option) || (ofRuns.contains(option) && failover.contains(option))
            #expect(isThere, "bascule.1 does not say what \(option) of bascule \(path.joined(separator: " ")) is")
        }
        let everywhere = try #require(manual.split(separator: ".SH OPTIONS OF EVERY COMMAND\n").last)
        for option in shared where option != "--version" { #expect(everywhere.contains(option), "\(option)") }
    }

    /// From the manual's line about a command to the one about the next.
    private static func entry(of path: [String], in manual: String) -> Substring? {
        let heading = ".B \((["bascule"] + path).joined(separator: " "))\n"
        // Of the root it is the whole page.
        if path.isEmpty { return manual[...] }
        guard let start = manual.range(of: heading) else { return nil }
        let rest = manual[start.upperBound...]
        let ends = ["\n.B bascule ", "\n.SS ", "\n.SH "].compactMap { rest.range(of: $0)?.lowerBound }
        return rest[..<(ends.min() ?? rest.endIndex)]
    }

    /// The long names of what help shows.
    private static func options(of type: any ParsableArguments.Type) -> Set<String> {
        struct Dump: Decodable {
            struct Command: Decodable { var arguments: [Argument]? }
            struct Argument: Decodable {
                var shouldDisplay: Bool
                var names: [Name]?
            }
            struct Name: Decodable {
                var kind: String
                var name: String
            }
            var command: Command
        }
        do {
            let dump = try JSONDecoder().decode(Dump.self, from: Data(type._dumpHelp().utf8))
            let shown = (dump.command.arguments ?? []).filter(\.shouldDisplay)
            return Set(shown.flatMap { $0.names ?? [] }.filter { $0.kind == "long" }.map { "--\($0.name)" })
        } catch {
            Issue.record("what \(type) takes cannot be read: \(error)")
            return []
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
