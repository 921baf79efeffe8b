import Foundation

/// What one program takes, as it tells itself: `--experimental-dump-help` of ArgumentParser.
struct CommandTree: Decodable {
    struct Argument: Decodable {
        struct Name: Decodable {
            var kind: String
            var name: String
        }

        /// `positional`, `option` or `flag`.
        var kind: String
        var shouldDisplay: Bool
        var isOptional: Bool
        var names: [Name]?

        var longNames: [String] { (names ?? []).filter { $0.kind == "long" }.map { "--\($0.name)" } }
    }

    var commandName: String
    var discussion: String?
    var defaultSubcommand: String?
    var subcommands: [CommandTree]?
    var arguments: [Argument]?

    private struct Dump: Decodable {
        var command: CommandTree
    }

    static func of(_ program: String) throws -> CommandTree {
        let answer = try BuiltPrograms.run("\(BuiltPrograms.folder)/\(program)", ["--experimental-dump-help"])
        return try JSONDecoder().decode(Dump.self, from: Data(answer.output.utf8)).command
    }

    func child(_ name: String) -> CommandTree? { subcommands?.first { $0.commandName == name } }

    /// `help` is ArgumentParser's own, and takes any word.
    var isGroup: Bool { subcommands?.contains { $0.commandName != "help" } ?? false }

    var requiredPositionals: Int {
        (arguments ?? []).count { $0.kind == "positional" && !$0.isOptional }
    }

    func argument(_ longName: String) -> Argument? {
        (arguments ?? []).first { $0.longNames.contains(longName) }
    }

    var takesPositionals: Bool { (arguments ?? []).contains { $0.kind == "positional" } }
}
