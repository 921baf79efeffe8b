/// Lays many indexes over each other, oldest first, in time proportional to extents times the logarithm of logs: it
/// merges neighbours of similar size, as a binary counter carries.
struct ExtentIndexBuilder {
    /// Oldest first, each more than twice as large as the next.
    private var stack: [ExtentIndex] = []

    /// Adds the index of the next newer log.
    mutating func add(_ newer: ExtentIndex) {
        guard !newer.entries.isEmpty else { return }
        var top = newer
        while let below = stack.last, below.entries.count <= 2 * top.entries.count {
            stack.removeLast()
            top = below.overlaid(by: top)
        }
        stack.append(top)
    }

    func build() -> ExtentIndex {
        var stack = stack
        guard var top = stack.popLast() else { return ExtentIndex() }
        while let below = stack.popLast() { top = below.overlaid(by: top) }
        return top
    }
}
