import Foundation

/// What people are told: the strings of the sources, and the pages, line by line.
struct SpokenText {
    var place: String
    var text: String
    /// A line that is typed as it stands: an example of a help text, or in a block of code of a page.
    var isCode: Bool

    static func everything() throws -> [SpokenText] {
        var found: [SpokenText] = []
        for folder in ["Services", "Shared", "Compose", "Tests"] {
            for path in try FileManager.default.subpathsOfDirectory(atPath: BuiltPrograms.top + folder).sorted() {
                let name = "\(folder)/\(path)"
                if path.contains("/Generated/") || path.hasPrefix(".") { continue }
                if name.hasSuffix(".md") { found += try page(name) }
                if name.hasSuffix(".1") { found += try manual(name) }
                // Tests speak of commands that are not there on purpose.
                if name.hasSuffix(".swift"), folder != "Tests" { found += try strings(name) }
            }
        }
        return try found + page("README.md") + page("CHANGELOG.md")
    }

    private static func lines(_ name: String) throws -> [String] {
        try String(contentsOfFile: BuiltPrograms.top + name, encoding: .utf8).components(separatedBy: "\n")
    }

    static func page(_ name: String) throws -> [SpokenText] {
        var isCode = false
        return try lines(name).enumerated().compactMap { index, line in
            if line.hasPrefix("```") {
                isCode.toggle()
                return nil
            }
            return SpokenText(place: "\(name):\(index + 1)", text: line, isCode: isCode)
        }
    }

    /// The page without its markup.
    static func manual(_ name: String) throws -> [SpokenText] {
        var isCode = false
        return try lines(name).enumerated().map { index, line in
            if line == ".nf" { isCode = true }
            if line == ".fi" { isCode = false }
            var words = line.replacing("\\-", with: "-")
            let isMarked = words.hasPrefix(".B")
            if words.hasPrefix(".") { words = words.split(separator: " ").dropFirst().joined(separator: " ") }
            if isMarked { words = words.replacing("\"", with: "") }
            return SpokenText(place: "\(name):\(index + 1)", text: words, isCode: isCode || isMarked)
        }
    }

    /// The strings of a source: what stands between quotation marks, in one line or over several.
    static func strings(_ name: String) throws -> [SpokenText] {
        var found: [SpokenText] = []
        var isBlock = false
        for (index, line) in try lines(name).enumerated() {
            let place = "\(name):\(index + 1)"
            let bare = line.drop(while: \.isWhitespace)
            if bare.hasPrefix("//"), !isBlock { continue }
            if line.contains("\"\"\"") {
                isBlock.toggle()
                continue
            }
            if isBlock {
                found.append(SpokenText(place: place, text: String(bare), isCode: true))
            } else {
                found += literals(of: line).map { SpokenText(place: place, text: $0, isCode: false) }
            }
        }
        return found
    }

    /// The literals of one line; what is filled in stays, as `\(name)`.
    private static func literals(of line: String) -> [String] {
        var found: [String] = []
        var literal: String?
        var depth = 0
        var previous: Character = " "
        for character in line {
            guard var text = literal else {
                if character == "\"" { literal = "" }
                previous = character
                continue
            }
            if previous == "\\", character == "(" {
                depth += 1
            } else if depth > 0 {
                depth += character == "(" ? 1 : character == ")" ? -1 : 0
            } else if character == "\"", previous != "\\" {
                found.append(text)
                literal = nil
                previous = " "
                continue
            }
            text.append(character)
            literal = text
            previous = character
        }
        return found
    }
}
