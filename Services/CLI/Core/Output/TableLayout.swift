/// Which columns of a table are shown and how wide, for a given width of the terminal.
package struct TableLayout: Sendable, Equatable {
    package static let gap = "  "

    /// Indices of the shown columns, in order.
    package let shown: [Int]
    /// Widths of the shown columns.
    package let widths: [Int]
    /// Indices of the columns that had no room.
    package let leftOut: [Int]

    package init(table: Table, available: Int?) {
        let natural = table.columns.indices.map { index in
            table.rows.reduce(DisplayWidth.of(table.columns[index].title)) { widest, row in
                max(widest, DisplayWidth.of(row[index].text))
            }
        }
        var shown = Array(table.columns.indices)
        guard let available else {
            self.shown = shown
            self.widths = natural
            self.leftOut = []
            return
        }

        func room(_ widths: [Int]) -> Int {
            available - widths.reduce(0, +) - Self.gap.count * max(0, widths.count - 1)
        }
        func smallest(_ index: Int) -> Int { min(natural[index], table.columns[index].minimum ?? natural[index]) }

        // What matters least goes first, until the rest fits at its narrowest.
        while room(shown.map(smallest)) < 0, shown.count > 1,
            let rank = shown.map({ table.columns[$0].rank }).max(), rank > 0,
            let last = shown.last(where: { table.columns[$0].rank == rank })
        {
            shown.removeAll { $0 == last }
        }

        var widths = shown.map { natural[$0] }
        while room(widths) < 0 {
            let candidates = widths.indices.filter { widths[$0] > smallest(shown[$0]) }
            guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { break }
            widths[widest] -= 1
        }
        // A terminal narrower than the narrowest table: the last column gives what it has, so that nothing wraps.
        if let last = widths.indices.last, room(widths) < 0 {
            widths[last] = max(1, widths[last] + room(widths))
        }
        self.shown = shown
        self.widths = widths
        self.leftOut = table.columns.indices.filter { !shown.contains($0) }
    }
}
