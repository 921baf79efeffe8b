/// What the independent witness saw of a capture: a hash of each disk as stock tools read it through the hypervisor.
///
/// Its text has a line `CYCLE TARGET SHA256` for each disk.
package struct WitnessAnswer: Sendable, Equatable {
    package var cycle: UInt64
    /// SHA-256 in hexadecimal digits by disk target.
    package var hashes: [String: String]

    package init(cycle: UInt64, hashes: [String: String]) {
        self.cycle = cycle
        self.hashes = hashes
    }

    /// - Throws: `OperatorError` with code `failed` when the text is not what the witness writes.
    package init(_ text: String) throws {
        var cycles: Set<UInt64> = []
        var hashes: [String: String] = [:]
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 3, let cycle = UInt64(words[0]), words[2].count == 64,
                words[2].allSatisfy(\.isHexDigit)
            else { throw Self.unreadable(text) }
            cycles.insert(cycle)
            hashes[words[1].lowercased()] = words[2].lowercased()
        }
        guard cycles.count == 1, let cycle = cycles.first else { throw Self.unreadable(text) }
        self.init(cycle: cycle, hashes: hashes)
    }

    private static func unreadable(_ text: String) -> OperatorError {
        OperatorError(
            .failed, "the witness wrote something else than hashes: \(text.prefix(200))",
            remedy: "see that nbdcopy and sha256sum work on this machine")
    }
}
