/// Numbers of cycles as rows that have no gap.
struct CycleRows {
    /// Rising; between two of them a number is missing.
    let rows: [ClosedRange<UInt64>]

    /// - Parameter cycles: rising, each once.
    init(of cycles: [UInt64]) {
        var rows: [ClosedRange<UInt64>] = []
        for cycle in cycles {
            if let last = rows.last, last.upperBound + 1 == cycle {
                rows[rows.count - 1] = last.lowerBound...cycle
            } else {
                rows.append(cycle...cycle)
            }
        }
        self.rows = rows
    }
}
