import Foundation

/// What a guest printed on its serial console, as QEMU writes it to a file.
package struct SerialLog: Sendable {
    package let path: String

    package init(path: String) { self.path = path }

    /// Length in bytes: a mark to look after.
    package var mark: Int { text().utf8.count }

    /// The first whole line after `mark` that contains `words`.
    ///
    /// - Throws: `TestGuestError` with code `late`, and the last lines in its message.
    package func wait(for words: String, after mark: Int = 0, within limit: Duration) async throws -> String {
        let deadline = ContinuousClock.now + limit
        while true {
            if let line = lines(after: mark).first(where: { $0.contains(words) }) { return line }
            guard ContinuousClock.now < deadline else {
                let last = lines(after: 0).suffix(5).joined(separator: " / ")
                throw TestGuestError(
                    .late, "the guest did not say \"\(words)\" within \(limit); its last lines: \(last)",
                    remedy: "read \(path)")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// How many whole lines after `mark` contain `words`.
    package func count(of words: String, after mark: Int = 0) -> Int {
        lines(after: mark).count { $0.contains(words) }
    }

    /// The number of the newest record that the guest says it has written; 0 before the first.
    package var lastCommitted: UInt64 {
        lines(after: 0).reversed().lazy.compactMap { line -> UInt64? in
            guard let range = line.range(of: "bascule-guest: committed ") else { return Self.number("last", in: line) }
            return UInt64(line[range.upperBound...].trimmingCharacters(in: .whitespaces))
        }.first ?? 0
    }

    /// Whether the guest met an I/O error. It must never.
    package var writeErrors: [String] { lines(after: 0).filter { $0.contains("WRITE ERROR") } }

    /// The value of `key=` in a line.
    package static func number(_ key: String, in line: String) -> UInt64? {
        guard let range = line.range(of: "\(key)=") else { return nil }
        return UInt64(line[range.upperBound...].prefix { $0.isNumber })
    }

    private func text() -> String {
        String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    }

    /// Whole lines only: the last one may be half-written.
    private func lines(after mark: Int) -> [String] {
        let bytes = Array(text().utf8.dropFirst(mark))
        guard let end = bytes.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
        return String(decoding: bytes[...end], as: UTF8.self)
            .split(whereSeparator: { $0 == "\n" || $0 == "\r\n" }).map { $0.trimmingCharacters(in: .controlCharacters) }
    }
}
