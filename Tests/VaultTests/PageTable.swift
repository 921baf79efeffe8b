import Foundation
import Testing

/// The tables of the pages, because the pages are the specification.
enum PageTable {
    /// Row → column → cell, of the first table after a heading.
    static func read(_ path: String, tableAfter heading: String) throws -> [String: [String: String]] {
        let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../\(path)")
        let lines = try String(contentsOf: page, encoding: .utf8).split(separator: "\n").map(String.init)
        let start = try #require(lines.firstIndex(of: heading))
        let rows = lines[start...].drop { !$0.hasPrefix("|") }.prefix { $0.hasPrefix("|") }.map(cells)
        let header = try #require(rows.first)
        var table: [String: [String: String]] = [:]
        for row in rows.dropFirst(2) { table[row[0]] = Dictionary(uniqueKeysWithValues: zip(header, row).dropFirst()) }
        return table
    }

    private static func cells(of line: String) -> [String] {
        line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast()
            .map { $0.trimmingCharacters(in: .whitespaces) }
    }
}
