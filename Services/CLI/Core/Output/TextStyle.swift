/// What a piece of text means; the terminal decides how that looks, and a pipe sees none of it.
package enum TextStyle: Sendable, Hashable, CaseIterable {
    case plain
    case heading
    case dim
    case good
    case warning
    case bad

    /// `text` as a terminal with colours shows it (ECMA-48 "select graphic rendition").
    package func applied(to text: String) -> String {
        switch self {
        case .plain: text
        case .heading: "\u{1B}[1m\(text)\u{1B}[0m"
        case .dim: "\u{1B}[2m\(text)\u{1B}[0m"
        case .good: "\u{1B}[32m\(text)\u{1B}[0m"
        case .warning: "\u{1B}[33m\(text)\u{1B}[0m"
        case .bad: "\u{1B}[31m\(text)\u{1B}[0m"
        }
    }
}
