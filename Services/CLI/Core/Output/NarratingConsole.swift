/// A console whose results go to standard error like everything else: for a story that is told beside the one document
/// that standard output gets.
package struct NarratingConsole: Console {
    private let base: any Console

    package init(_ base: any Console) { self.base = base }

    /// As if there were no terminal, so that nothing is drawn over.
    package var width: Int? { nil }
    package var canAsk: Bool { base.canAsk }
    package var usesColor: Bool { false }

    package func print(_ line: String) { base.printError(line) }
    package func printError(_ line: String) { base.printError(line) }
    package func showProgress(_ line: String?) { base.showProgress(line) }
    package func showScreen(_ lines: [String]) { for line in lines { base.printError(line) } }
    package func ask(_ question: String) -> String? { base.ask(question) }
}
