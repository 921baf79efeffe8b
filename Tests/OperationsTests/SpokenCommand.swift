/// A command as a sentence or a page writes it: a program with what follows, up to where the command must end.
struct SpokenCommand {
    var place: String
    var program: String
    /// Words after the program. What the text fills in (`\(name)`, `GUEST`, `$x`) is a word like any other.
    var words: [String]
    /// The text asks for exactly this: it says `see: bascule …`, so nothing that the command needs may be missing. A string
    /// that ends with a space goes on in another one.
    var isToBeTyped: Bool
    /// It stands between quotation marks, in a block of code or after a colon, and not in the middle of a sentence.
    var isQuoted: Bool
}

extension SpokenCommand {
    private static let programs = BuiltPrograms.names + ["make"]
    /// A command cannot go on behind these; `[` and `|` begin alternatives, which a page may list.
    private static let ends: Set<Character> = [
        "`", "”", ",", ";", ")", "|", "&", "“", "…", "[", "<", ">", "\"", "'", "*",
    ]

    /// Every command in one line of text.
    static func all(in text: String, at place: String, isCode: Bool) -> [SpokenCommand] {
        var found: [SpokenCommand] = []
        let characters = Array(text)
        var index = 0
        while index < characters.count {
            guard let program = program(at: index, in: characters) else {
                index += 1
                continue
            }
            let start = index
            index += program.count
            guard index < characters.count, characters[index] == " " else { continue }
            let before = characters[..<start].reversed().drop { $0 == " " }.first
            let isFirst = before == nil || (before == "$" || before == "#") && isCode
            let isAfterColon = before == ":" && start > 0 && characters[start - 1] == " "
            let isQuoted = start > 0 && "`“'".contains(characters[start - 1])
            found.append(
                SpokenCommand(
                    place: place, program: program, words: words(in: characters[(index + 1)...]),
                    isToBeTyped: isAfterColon && text.last != " ",
                    isQuoted: isAfterColon || isQuoted || (isFirst && isCode)))
        }
        return found
    }

    private static func program(at index: Int, in characters: [Character]) -> String? {
        if index > 0, let before = characters[..<index].last,
            before.isLetter || before.isNumber || "-_/.$".contains(before)
        {
            return nil
        }
        // The longest, because one name is the beginning of the others.
        return programs.filter { name in
            guard characters[index...].starts(with: name) else { return false }
            let after = characters.dropFirst(index + name.count).first
            return after.map { !($0.isLetter || $0.isNumber || "-_./@".contains($0)) } ?? true
        }.max { $0.count < $1.count }
    }

    private static func words(in characters: ArraySlice<Character>) -> [String] {
        var words: [String] = []
        var word = ""
        var depth = 0
        func isSentenceEnd(_ index: Int) -> Bool {
            let next = index + 1 < characters.endIndex ? characters[index + 1] : " "
            return ".:".contains(characters[index]) && (next == " " || next == "\"" || next == "”")
        }
        for index in characters.indices {
            let character = characters[index]
            if depth == 0, ends.contains(character) || isSentenceEnd(index) { break }
            // `\(…)` of a string is one word, whatever is in it.
            if character == "(" { depth += 1 }
            if character == ")" { depth -= 1 }
            if character == " ", depth == 0 {
                // Two spaces begin the remark beside an example.
                if word.isEmpty { break }
                words.append(word)
                word = ""
            } else {
                word.append(character)
            }
        }
        if !word.isEmpty { words.append(word) }
        return words
    }
}
