import Foundation

/// What a run says while it goes on: a run takes minutes, and one that says nothing cannot be told from one that hangs.
enum BenchLog {
    /// Line by line, also into a file or a pipe, where standard output is otherwise written by the block.
    static func say(_ line: String) {
        print(line)
        fflush(nil)
    }
}
