internal import FoundationEssentials

/// How documents for machines are written: one line, keys in alphabetical order, slashes as they are. One line a
/// document, because some commands write one after the other and every tool reads lines.
package enum MachineDocument {
    /// - Throws: `EncodingError`, which only a number that is not a number could cause.
    package static func text(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
