import Foundation
import Testing

/// House rules that a machine can check. Each failure names the file, the line and the rule.
@Suite struct TidyTests {
    private let tree: SourceTree

    /// Read once, because it is megabytes.
    private static let read = Result { try SourceTree() }

    init() throws { tree = try Self.read.get() }

    @Test func everySourceFileIsShortEnoughToRead() {
        let longest = 500
        for file in tree.swift {
            #expect(file.lines.count <= longest, "\(file.path) has \(file.lines.count) lines; split it by ideas")
        }
    }

    @Test func noErrorIsThrownAwayAndOursTrapAsOurs() throws {
        // Written in pieces, so that this file does not break its own rules.
        let banned = [
            (try Regex(#"\btry"# + #"\?"#), "an error thrown away; handle it or let it pass"),
            (try Regex(#"\bfatal"# + #"Error\("#), "say whose fault it is: precondition for ours, throw for theirs"),
            (try Regex(#"\bThread"# + #"\.sleep"#), "blocks a thread; wait for the event itself"),
        ]
        for file in tree.swift {
            for (number, text) in file.codeLines {
                for (pattern, why) in banned where text.contains(pattern) {
                    Issue.record("\(file.path):\(number): \(why)")
                }
            }
        }
    }

    @Test func aTestThatWaitsByTheClockSaysWhy() throws {
        let sleeps = try Regex(#"\busl"# + #"eep\(|\bTask"# + #"\.sleep"#)
        for file in tree.swift where file.isTest {
            for (number, text) in file.codeLines where text.contains(sleeps) {
                let why: Comment = "\(file.path):\(number): poll with a deadline, or say \"because\""
                #expect(file.saysBecause(around: number), why)
            }
        }
    }

    @Test func everyUnsafeEscapeSaysWhy() {
        let escapes = ["@unchecked" + " Sendable", "nonisolated" + "(unsafe)"]
        for file in tree.swift {
            for (number, text) in file.codeLines where escapes.contains(where: text.contains) {
                let why: Comment = "\(file.path):\(number): say why it is safe, with a \"because\""
                #expect(file.saysBecause(around: number), why)
            }
        }
    }

    /// A file that declares types at its top declares the one (or the function) it is named after. Files of extensions
    /// or functions only, and those that say their theme after a plus, are named after what they bring together.
    @Test func everyFileIsNamedLikeWhatItDeclares() throws {
        let declaration = try Regex<(Substring, kind: Substring, name: Substring)>(
            #"^(?:@\S+ )*(?:(?:package|public|internal|indirect|nonisolated|final) )*"#
                + #"(?<kind>struct|class|enum|actor|protocol|func) (?<name>\w+)"#)
        for file in tree.swift where file.name != "Package.swift" && !file.name.contains("+") {
            let expected = file.name.dropLast(".swift".count)
            let found = file.lines.compactMap { $0.firstMatch(of: declaration)?.output }
            let declared = found.map(\.name)
            if found.allSatisfy({ $0.kind == "func" }) || expected.hasSuffix("Limits") || file.isModulePage { continue }
            #expect(
                declared.contains { $0.lowercased() == expected.lowercased() },
                "\(file.path) declares \(declared.joined(separator: ", ")) but nothing named \(expected)")
        }
    }

    @Test func noFolderIsADrawerForEverything() {
        let banned: Set<String> = ["Utils", "Utilities", "Helpers", "Common", "Misc", "New", "Old", "Deprecated"]
        for file in tree.files {
            for folder in file.path.split(separator: "/").dropLast() {
                #expect(!banned.contains(String(folder)), "\(file.path): \(folder) says nothing about what is in it")
            }
            #expect(!file.path.contains(" "), "\(file.path): no spaces in paths")
        }
    }

    @Test func everyLinkBetweenPagesLeadsSomewhere() {
        let link = /\]\((?<target>[^)\s]+)\)/
        for file in tree.files where file.isMarkdown {
            let folder = file.path.split(separator: "/").dropLast().joined(separator: "/")
            for (index, line) in file.lines.enumerated() {
                for match in line.matches(of: link) {
                    let target = String(match.output.target.split(separator: "#").first ?? "")
                    if target.isEmpty || target.contains("://") || target.hasPrefix("mailto:") { continue }
                    let path = folder.isEmpty ? target : "\(folder)/\(target)"
                    #expect(tree.exists(path), "\(file.path):\(index + 1): \(target) does not exist")
                }
            }
        }
    }

    @Test func nothingLeansOnAMachineOfItsAuthors() {
        // Absolute paths that exist on one machine only; system paths that Debian promises are fine.
        let foreign = ["/wo" + "rk/", "/ho" + "me/", "/ro" + "ot/", "/Us" + "ers/"]
        for file in tree.files where !file.isGenerated {
            for (index, line) in file.lines.enumerated() {
                for path in foreign where line.contains(path) && !isInsideLongerPath(path, line) {
                    Issue.record("\(file.path):\(index + 1): \(path)… is a path outside the repository")
                }
            }
        }
    }

    @Test func theTopHoldsOnlyWhatANewcomerExpects() {
        let expected: Set<String> = [
            "Package.swift", "Package.resolved", "README.md", "LICENSE", "CHANGELOG.md", "Makefile",
            "Services", "Shared", "Tests", "Scripts", "Compose",
        ]
        let top = Set(tree.files.compactMap { $0.path.split(separator: "/").first.map(String.init) })
        for name in top.subtracting(expected) where !name.hasPrefix(".") {
            Issue.record("\(name) does not belong at the top of the repository")
        }
        for name in ["README.md", "LICENSE", "CHANGELOG.md", "Makefile", ".swift-format", ".gitignore", ".ci/run"] {
            #expect(tree.exists(name), "\(name) is missing")
        }
    }

    @Test func everyDependencySaysWhatItIsFor() throws {
        let manifest = try #require(tree.files.first { $0.path == "Package.swift" })
        for (index, line) in manifest.lines.enumerated() where line.contains(".package(url:") {
            let above = manifest.lines[index - 1].drop(while: \.isWhitespace)
            #expect(above.hasPrefix("//"), "Package.swift:\(index + 1): say above it why this dependency is needed")
        }
    }

    @Test func everyFileEndsWithOneNewline() {
        for file in tree.files where !file.isGenerated && file.lines != [""] {
            let endsWell = file.lines.last == "" && file.lines.dropLast().last != ""
            #expect(endsWell, "\(file.path) should end with one newline")
        }
    }

    /// True when `path` only occurs as the middle of a longer path, as in `/var/lib/home/`.
    private func isInsideLongerPath(_ path: String, _ line: String) -> Bool {
        line.ranges(of: path).allSatisfy { range in
            guard range.lowerBound > line.startIndex else { return false }
            let before = line[line.index(before: range.lowerBound)]
            return before.isLetter || before.isNumber || "}).$_-".contains(before)
        }
    }
}
