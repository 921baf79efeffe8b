import Foundation
import Testing

/// Whoever is told to run something can run it: every command that a sentence or a page names is there, with its
/// subcommand and its options, and so is every door of the Makefile.
@Suite struct SpokenCommandTests {
    private static let trees: Result<[String: CommandTree], any Error> = Result {
        var trees: [String: CommandTree] = [:]
        for name in BuiltPrograms.names { trees[name] = try CommandTree.of(name) }
        return trees
    }

    /// Words that go on a sentence after the name of a program: `start bascule-agent on each host`.
    private static let prose: Set<String> = [
        "an", "and", "answers", "as", "at", "become", "beside", "checks", "does", "each", "ends", "for", "gets", "had",
        "has", "in", "is", "it", "itself", "must", "of", "on", "or", "runs", "says", "takes", "that", "the", "to",
        "was", "when", "where", "wherever", "which", "with", "with:", "without", "–", "—", "=", "+", "-",
    ]

    @Test func everyCommandThatIsSpokenOfIsThere() throws {
        let trees = try Self.trees.get()
        var checked = 0
        for line in try SpokenText.everything() {
            for command in SpokenCommand.all(in: line.text, at: line.place, isCode: line.isCode)
            where command.program != "make" {
                checked += 1
                if let fault = try Self.fault(of: command, tree: #require(trees[command.program])) {
                    Issue.record(
                        "\(command.place): \(command.program) \(command.words.joined(separator: " ")): \(fault)")
                }
            }
        }
        // Fewer mean that they are not found any more, and not that they are all right.
        #expect(checked > 300, "only \(checked) commands were found")
    }

    @Test func everyDoorThatIsSpokenOfIsThere() throws {
        let makefile = try String(contentsOfFile: BuiltPrograms.top + "Makefile", encoding: .utf8)
        let doors = Set(makefile.split(separator: "\n").compactMap { $0.prefixMatch(of: /([a-z-]+):/)?.output.1 })
        var checked = 0
        for line in try SpokenText.everything() {
            for command in SpokenCommand.all(in: line.text, at: line.place, isCode: line.isCode)
            where command.program == "make" && command.isQuoted {
                guard let door = command.words.first(where: { !$0.contains("=") }) else { continue }
                checked += 1
                #expect(doors.contains(door[...]), "\(command.place): the Makefile has no door \(door)")
            }
        }
        #expect(checked > 20, "only \(checked) doors were found")
    }

    /// The check itself, on what was wrong once.
    @Test(
        arguments: [
            ("Pair them again with: bascule clouds pair", "pair is no subcommand"),
            ("Make it with: bascule policy put gold, or bind", "put is no subcommand"),
            ("See `bascule frobnicate`.", "frobnicate is no subcommand"),
            ("`bascule status --wach`", "--wach is no option"),
            ("Go on with: bascule resume", "1 argument is missing"),
            ("Go on with: bascule resume \\(guest). Or wait", nil),
            ("Start bascule-agent on each host, and see: bascule hosts", nil),
            ("bascule recover --config FILE list --nojson", "--nojson is no option"),
            ("bascule-agent recover --config FILE --verifed", "--verifed is no option"),
        ] as [(String, String?)]) func whatIsNotThereIsFound(text: String, fault: String?) throws
    {
        let trees = try Self.trees.get()
        let faults = try SpokenCommand.all(in: text, at: "here", isCode: true).compactMap { command in
            try Self.fault(of: command, tree: #require(trees[command.program]))
        }
        if let fault { #expect(faults.count == 1 && faults[0].contains(fault)) } else { #expect(faults == []) }
    }

    /// What is wrong with a command; nil: nothing is.
    private static func fault(of command: SpokenCommand, tree: CommandTree) throws -> String? {
        var level = tree
        var words = command.words[...]
        // It hands everything on.
        if command.program == "bascule", words.first == "recover" {
            level = try #require(trees.get()["bascule-agent"]?.child("recover"))
            words.removeFirst()
        }
        while let word = words.first, !word.hasPrefix("-") {
            if let child = level.child(word) {
                level = child
                words.removeFirst()
                continue
            }
            guard level.isGroup else { break }
            // A version, as in `bascule 0.1.0`.
            if !command.isQuoted, word.first.map({ $0.isNumber || $0 == "\\" }) == true { return nil }
            // A page may stop at the group, and a sentence goes on after it.
            if !command.isQuoted, prose.contains(word) { return nil }
            if ["help", "SUBCOMMAND", "command"].contains(word) { return nil }
            return "\(word) is no subcommand of \(level.commandName)"
        }
        if level.isGroup, let chosen = level.defaultSubcommand.flatMap(level.child) { level = chosen }
        var positionals = 0
        var isValue = false
        for word in words {
            if isValue {
                isValue = false
                continue
            }
            guard word.hasPrefix("--") else {
                positionals += 1
                continue
            }
            let name = String(word.prefix { $0 == "-" || $0.isLetter })
            if ["--help", "--version", "--generate-completion-script", "--"].contains(name) { return nil }
            guard let argument = level.argument(name) ?? tree.argument(name) else {
                return "\(name) is no option of \(level.commandName)"
            }
            isValue = argument.kind == "option" && !word.contains("=")
        }
        let missing = level.requiredPositionals - positionals
        if command.isToBeTyped, missing > 0 { return "\(missing) argument is missing" }
        return nil
    }
}
