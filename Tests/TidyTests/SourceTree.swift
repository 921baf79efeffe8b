import Foundation
import Testing

/// The files of the repository as the house rules see them: everything below the top except what builds make.
struct SourceTree {
    struct File {
        /// Relative to the top of the repository.
        let path: String
        let lines: [String]

        var name: String { String(path.split(separator: "/").last ?? "") }
        var isSwift: Bool { path.hasSuffix(".swift") }
        var isMarkdown: Bool { path.hasSuffix(".md") }
        var isGenerated: Bool { path.contains("/Generated/") }
        var isTest: Bool { path.hasPrefix("Tests/") }

        /// `Shared/Foo/Foo.swift` may hold the overview and the small types of its module.
        var isModulePage: Bool { path.split(separator: "/").dropLast().last.map { "\($0).swift" } == name }

        /// Whether a reason is given for a line: on it, three lines above it, or in the comment that those belong to.
        func saysBecause(around number: Int) -> Bool {
            var first = max(0, number - 4)
            while first > 0, lines[first - 1].drop(while: \.isWhitespace).hasPrefix("//") { first -= 1 }
            return lines[first..<number].joined(separator: "\n").lowercased().contains("because")
        }

        /// The lines with their numbers from 1, without those that are comments from end to end.
        var codeLines: [(number: Int, text: String)] {
            lines.enumerated().compactMap { index, line in
                line.drop(while: \.isWhitespace).hasPrefix("//") ? nil : (index + 1, line)
            }
        }
    }

    let top: String
    let files: [File]

    /// Folders that builds, editors and interpreters leave behind.
    private static let skippedFolders: Set<String> = [".build", ".git", ".swiftpm", "__pycache__"]

    /// Text files only; anything that is not UTF-8 (golden files) is left out.
    init() throws {
        var top = URL(filePath: #filePath)
        for _ in 0..<3 { top.deleteLastPathComponent() }
        let root = top.path(percentEncoded: false)
        self.top = root

        var found: [File] = []
        var pending = [""]
        while let folder = pending.popLast() {
            for name in try FileManager.default.contentsOfDirectory(atPath: root + folder) {
                if Self.skippedFolders.contains(name) || name.hasPrefix(".build") { continue }
                let path = folder.isEmpty ? name : "\(folder)/\(name)"
                var isFolder: ObjCBool = false
                guard FileManager.default.fileExists(atPath: root + path, isDirectory: &isFolder) else { continue }
                if isFolder.boolValue {
                    pending.append(path)
                } else if let data = FileManager.default.contents(atPath: root + path),
                    let text = String(bytes: data, encoding: .utf8)
                {
                    found.append(File(path: path, lines: text.components(separatedBy: "\n")))
                }
            }
        }
        files = found.sorted { $0.path < $1.path }
    }

    var swift: [File] { files.filter { $0.isSwift && !$0.isGenerated } }

    func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: top + path) }
}

extension SourceTree: CustomTestStringConvertible {
    // A failed expectation would print every file otherwise.
    var testDescription: String { "the tree of \(files.count) files" }
}
