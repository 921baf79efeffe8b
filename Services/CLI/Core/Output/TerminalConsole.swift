import Foundation
import Synchronization

/// The real terminal, or the pipe or file in its place.
package final class TerminalConsole: Console {
    private struct Shown {
        /// A progress line stands on the terminal and must go before anything else is written.
        var progress = false
        /// When the last progress line was written where lines cannot be replaced.
        var lastPlainProgress: ContinuousClock.Instant?
        /// Lines of the last screen, which the next one overwrites.
        var screenLines = 0
    }

    /// Progress without a terminal: often enough to see life in a log, seldom enough not to fill it.
    private static let plainProgressInterval = Duration.seconds(10)

    private let shown = Mutex(Shown())
    private let outputIsTerminal = isatty(STDOUT_FILENO) == 1
    private let errorIsTerminal = isatty(STDERR_FILENO) == 1
    private let inputIsTerminal = isatty(STDIN_FILENO) == 1
    package let usesColor: Bool

    package init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        // NO_COLOR is what users of terminals agree on (see its informal standard); a dumb terminal shows none.
        usesColor =
            isatty(STDOUT_FILENO) == 1 && environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
    }

    package var width: Int? { outputIsTerminal ? Self.columns(of: STDOUT_FILENO) : nil }
    package var canAsk: Bool { inputIsTerminal && errorIsTerminal }

    package func print(_ line: String) {
        shown.withLock { shown in
            clearProgress(&shown)
            shown.screenLines = 0
            Self.write(line + "\n", to: STDOUT_FILENO)
        }
    }

    package func printError(_ line: String) {
        shown.withLock { shown in
            clearProgress(&shown)
            shown.screenLines = 0
            Self.write(line + "\n", to: STDERR_FILENO)
        }
    }

    package func showProgress(_ line: String?) {
        shown.withLock { shown in
            guard let line else { return clearProgress(&shown) }
            if errorIsTerminal {
                let fitted = DisplayWidth.fitted(line, to: Self.columns(of: STDERR_FILENO) - 1)
                Self.write("\r\u{1B}[K\(fitted)", to: STDERR_FILENO)
                shown.progress = true
                return
            }
            let now = ContinuousClock.now
            if let last = shown.lastPlainProgress, now - last < Self.plainProgressInterval { return }
            shown.lastPlainProgress = now
            Self.write(line + "\n", to: STDERR_FILENO)
        }
    }

    package func showScreen(_ lines: [String]) {
        shown.withLock { shown in
            clearProgress(&shown)
            var text = ""
            if outputIsTerminal && shown.screenLines > 0 {
                text += "\u{1B}[\(shown.screenLines)A\u{1B}[J"
            }
            text += lines.map { $0 + "\n" }.joined()
            Self.write(text, to: STDOUT_FILENO)
            shown.screenLines = lines.count
        }
    }

    package func ask(_ question: String) -> String? {
        shown.withLock { shown in
            clearProgress(&shown)
            Self.write(question, to: STDERR_FILENO)
        }
        return readLine()
    }

    private func clearProgress(_ shown: inout Shown) {
        guard shown.progress else { return }
        Self.write("\r\u{1B}[K", to: STDERR_FILENO)
        shown.progress = false
    }

    /// What the terminal says; `COLUMNS` is for programs that cannot ask it. 80 when it does not know.
    private static func columns(of descriptor: Int32) -> Int {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Whole lines at once, because several processes may share the terminal. A closed pipe ends the process by
    /// SIGPIPE as it ends every filter; any other failure leaves nobody to tell.
    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { return }
            bytes = bytes.dropFirst(written)
        }
    }
}
