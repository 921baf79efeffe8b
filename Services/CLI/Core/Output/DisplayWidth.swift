/// How many columns of a terminal a text takes, and how it is shortened to fit.
///
/// East Asian wide characters and emoji take two columns, control characters none. That is what terminals do in
/// practice; names of guests come from people, so they may hold either.
package enum DisplayWidth {
    package static func of(_ text: String) -> Int {
        text.reduce(into: 0) { width, character in width += of(character) }
    }

    /// `text` in at most `limit` columns; what was cut is marked by an ellipsis. Control characters become spaces,
    /// because a name with a line break in it must not tear a table apart.
    package static func fitted(_ text: String, to limit: Int) -> String {
        let clean = String(text.map { isControl($0) ? " " : $0 })
        guard of(clean) > limit else { return clean }
        guard limit > 0 else { return "" }
        var width = 0
        var kept = ""
        for character in clean {
            let next = of(character)
            if width + next > limit - 1 { break }
            width += next
            kept.append(character)
        }
        return kept + "…"
    }

    /// `text` in lines of at most `limit` columns, broken between words; `first` goes before the first line, `others`
    /// before every further one. A word that is longer than a line is broken itself, because nothing may be lost.
    package static func wrapped(_ text: String, to limit: Int, first: String = "", others: String = "") -> [String] {
        let words = String(text.map { isControl($0) ? " " : $0 }).split(separator: " ")
        var lines: [String] = []
        var line = first
        var width = of(first)
        var isEmpty = true
        func endLine() {
            lines.append(line)
            line = others
            width = of(others)
            isEmpty = true
        }
        for word in words {
            let needed = of(String(word))
            if !isEmpty, width + 1 + needed > limit { endLine() }
            if !isEmpty {
                line.append(" ")
                width += 1
            }
            for character in word {
                let next = of(character)
                if !isEmpty, width + next > limit { endLine() }
                line.append(character)
                width += next
                isEmpty = false
            }
        }
        if !isEmpty || lines.isEmpty { lines.append(line) }
        return lines
    }

    package static func padded(_ text: String, to width: Int, alignment: Table.Alignment) -> String {
        let fill = String(repeating: " ", count: max(0, width - of(text)))
        switch alignment {
        case .left: return text + fill
        case .right: return fill + text
        }
    }

    private static func isControl(_ character: Character) -> Bool {
        character.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }

    private static func of(_ character: Character) -> Int {
        guard let first = character.unicodeScalars.first else { return 0 }
        if isControl(character) { return 0 }
        switch first.value {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
            0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6,
            0x1F300...0x1F64F, 0x1F680...0x1F6FF, 0x1F900...0x1F9FF, 0x20000...0x3FFFD:
            return 2
        default:
            return 1
        }
    }
}
