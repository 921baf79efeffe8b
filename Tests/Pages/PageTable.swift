import Foundation

/// The tables of the pages, because the pages are the specification.
package enum PageTable {
    /// Why a page could not be read as a table.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    package static let protocolPage = "Shared/Messages/Protocol.md"

    /// Every cell of a table, as the page has it and as it is answered.
    ///
    /// - Parameters:
    ///   - rows, columns: what the table is about; their raw values are the words of its first column and its header.
    ///   - cell: what happens in this row when that comes, in the words of the page.
    /// - Returns: one sentence for each cell that is not what happens, and for rows and columns that only one side has.
    /// - Throws: as `read`, and what `cell` throws.
    package static func differences<Row, Column>(
        _ path: String, tableAfter heading: String, rows: Row.Type, columns: Column.Type,
        isolation: isolated (any Actor)? = #isolation, cell: (Row, Column) async throws -> String
    ) async throws -> [String]
    where Row: RawRepresentable<String> & CaseIterable, Column: RawRepresentable<String> & CaseIterable {
        let table = try read(path, tableAfter: heading)
        var differences: [String] = []
        func compare(_ found: some Sequence<String>, _ expected: [String], of what: String) {
            let difference = Set(found).symmetricDifference(expected).sorted()
            if !difference.isEmpty { differences.append("\(what): one side alone has \(difference)") }
        }
        compare(table.keys, rows.allCases.map(\.rawValue), of: "rows")
        for row in rows.allCases {
            guard let cells = table[row.rawValue] else { continue }
            compare(cells.keys, columns.allCases.map(\.rawValue), of: row.rawValue)
            for column in columns.allCases {
                guard let written = cells[column.rawValue] else { continue }
                let happens = try await cell(row, column)
                if written != happens {
                    differences.append("\(column.rawValue) while \(row.rawValue): \(happens); the page has: \(written)")
                }
            }
        }
        return differences
    }

    /// Row → column → cell, of the first table after a heading.
    ///
    /// - Parameters:
    ///   - path: from the top of the repository.
    ///   - heading: the whole line, with its `#`.
    /// - Throws: `Failure` when the page has no such heading or table, or two rows begin alike; errors of Foundation when
    ///   the page cannot be read.
    package static func read(_ path: String, tableAfter heading: String) throws -> [String: [String: String]] {
        let (columns, rows) = try lines(path, tableAfter: heading)
        var table: [String: [String: String]] = [:]
        for row in rows {
            guard row.count == columns.count else {
                let count = "\(row.count) of \(columns.count) cells"
                throw Failure(description: "\(path), \(heading): row \(row[0]) has \(count)")
            }
            let cells = Dictionary(uniqueKeysWithValues: zip(columns, row).dropFirst())
            guard table.updateValue(cells, forKey: row[0]) == nil else {
                throw Failure(description: "\(path), \(heading): two rows begin with \(row[0])")
            }
        }
        return table
    }

    /// The same as it stands there: the header, and the rows.
    package static func lines(_ path: String, tableAfter heading: String) throws -> ([String], [[String]]) {
        let lines = try text(path).split(separator: "\n").map(String.init)
        guard let start = lines.firstIndex(of: heading) else {
            throw Failure(description: "\(path) has no line “\(heading)”")
        }
        let rows = lines[start...].drop { !$0.hasPrefix("|") }.prefix { $0.hasPrefix("|") }.map(cells)
        guard let header = rows.first else { throw Failure(description: "\(path) has no table after “\(heading)”") }
        return (header, Array(rows.dropFirst(2)))
    }

    /// A whole page.
    package static func text(_ path: String) throws -> String {
        let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../\(path)")
        return try String(contentsOf: page, encoding: .utf8)
    }

    private static func cells(of line: String) -> [String] {
        line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast()
            .map { $0.trimmingCharacters(in: .whitespaces) }
    }
}
