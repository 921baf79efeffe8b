/// Where a command speaks to its operator. Results go to standard output; progress, questions and errors to standard
/// error, so that a pipe sees results only.
package protocol Console: Sendable {
    /// Columns of the terminal behind standard output; nil when it is not one.
    var width: Int? { get }
    /// Somebody can be asked: standard input and standard error are a terminal.
    var canAsk: Bool { get }
    var usesColor: Bool { get }

    func print(_ line: String)
    func printError(_ line: String)
    /// Shows a line that the next one replaces; nil takes it away. Without a terminal, only a line now and then.
    func showProgress(_ line: String?)
    /// Replaces what the last call showed; without a terminal the lines are printed one after the other.
    func showScreen(_ lines: [String])
    /// The answer without its line end; nil when there is none.
    func ask(_ question: String) -> String?
}

extension Console {
    package func print(_ table: Table) {
        for line in table.lines(width: width, styled: usesColor) { print(line) }
    }

    package func styled(_ text: String, _ style: TextStyle) -> String {
        usesColor ? style.applied(to: text) : text
    }
}
