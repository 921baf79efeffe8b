import Foundation

/// How documents for machines are written: one line, keys in alphabetical order, slashes as they are. One line a
/// document, because `--watch` writes one after the other and every tool reads lines.
package enum JSONDocument {
    /// - Throws: `OperatorError` when a value cannot be written, which only a number that is not a number could cause.
    package static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(value), as: UTF8.self)
        } catch {
            throw OperatorError(
                .failed, "the answer cannot be written as JSON: \(error)", remedy: "report this as a bug")
        }
    }
}
