/// A table as a value: columns, rows, and how they give way when the terminal is narrow.
///
/// A row never wraps. When the table is too wide, columns that may shrink do so, widest first; then the columns that
/// matter least are left out, and a last line names them. Without a width (a pipe) everything is shown.
package struct Table: Sendable {
    package enum Alignment: Sendable, Hashable {
        case left
        case right
    }

    package struct Column: Sendable, Hashable {
        package var title: String
        package var alignment: Alignment
        /// Columns it may shrink to; nil: it stays as wide as its content.
        package var minimum: Int?
        /// 0 is always shown; the highest is left out first.
        package var rank: Int

        package init(_ title: String, _ alignment: Alignment = .left, minimum: Int? = nil, rank: Int = 0) {
            self.title = title
            self.alignment = alignment
            self.minimum = minimum
            self.rank = rank
        }
    }

    package struct Cell: Sendable, Hashable, ExpressibleByStringInterpolation {
        package var text: String
        package var style: TextStyle

        package init(_ text: String, _ style: TextStyle = .plain) {
            self.text = text
            self.style = style
        }

        package init(stringLiteral text: String) { self.init(text) }
    }

    package var columns: [Column]
    package private(set) var rows: [[Cell]] = []

    package init(_ columns: [Column]) {
        self.columns = columns
    }

    package mutating func add(_ row: [Cell]) {
        precondition(row.count == columns.count, "a row has one cell for each column")
        rows.append(row)
    }

    /// The lines to print, without line ends.
    package func lines(width: Int?, styled: Bool) -> [String] {
        let layout = TableLayout(table: self, available: width)
        let header = layout.shown.map { Cell(columns[$0].title, .heading) }
        var lines = [line(header, layout: layout, styled: styled)]
        for row in rows {
            lines.append(line(layout.shown.map { row[$0] }, layout: layout, styled: styled))
        }
        if !layout.leftOut.isEmpty {
            let names = layout.leftOut.map { columns[$0].title }.joined(separator: ", ")
            let note = DisplayWidth.fitted(
                "not shown here: \(names) (widen the terminal, or --json)", to: width ?? .max)
            lines.append(styled ? TextStyle.dim.applied(to: note) : note)
        }
        return lines
    }

    /// `cells` are those of the shown columns, in order.
    private func line(_ cells: [Cell], layout: TableLayout, styled: Bool) -> String {
        var pieces: [String] = []
        for (position, cell) in cells.enumerated() {
            let column = columns[layout.shown[position]]
            let text = DisplayWidth.fitted(cell.text, to: layout.widths[position])
            let isLast = position == cells.count - 1
            // No trailing spaces: they would wrap in a terminal that is one column narrower than it says.
            let padded =
                isLast && column.alignment == .left
                ? text : DisplayWidth.padded(text, to: layout.widths[position], alignment: column.alignment)
            pieces.append(styled ? cell.style.applied(to: padded) : padded)
        }
        return pieces.joined(separator: TableLayout.gap)
    }
}
