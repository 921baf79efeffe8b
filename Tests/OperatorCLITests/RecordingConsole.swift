import Synchronization

@testable import OperatorCLI

/// A console that remembers what was said to it, and answers questions as it was told to.
final class RecordingConsole: Console {
    struct Said {
        var output: [String] = []
        var errors: [String] = []
        var progress: [String] = []
        var questions: [String] = []
    }

    let width: Int?
    let canAsk: Bool
    let usesColor = false
    private let answer: String?
    private let saidState = Mutex(Said())

    /// `answer` nil: there is no terminal to ask at.
    init(width: Int? = nil, answer: String? = nil) {
        self.width = width
        self.answer = answer
        canAsk = answer != nil
    }

    var said: Said { saidState.withLock { $0 } }

    func print(_ line: String) { saidState.withLock { $0.output.append(line) } }
    func printError(_ line: String) { saidState.withLock { $0.errors.append(line) } }
    func showProgress(_ line: String?) { saidState.withLock { if let line { $0.progress.append(line) } } }
    func showScreen(_ lines: [String]) { saidState.withLock { $0.output += lines } }
    func ask(_ question: String) -> String? {
        saidState.withLock { $0.questions.append(question) }
        return answer
    }
}
