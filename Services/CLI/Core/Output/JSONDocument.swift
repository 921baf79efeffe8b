import ServiceRuntime

/// Documents for machines, as every program of ours writes them.
package enum JSONDocument {
    /// - Throws: `OperatorError` when a value cannot be written, which only a number that is not a number could cause.
    package static func text(_ value: some Encodable) throws -> String {
        do {
            return try MachineDocument.text(value)
        } catch {
            throw OperatorError(
                .failed, "the answer cannot be written as JSON: \(error)", remedy: "report this as a bug")
        }
    }
}
