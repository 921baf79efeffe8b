/// A validity condition that bytes do not meet. Decoders throw it; who called them knows whether a file is corrupt or
/// a sender is to blame, and turns it into a `DeltaLogError`.
struct FormatFault: Error, Equatable {
    var condition: FormatCondition
    var facts: [String: String] = [:]

    init(_ condition: FormatCondition, _ facts: [String: String] = [:]) {
        self.condition = condition
        self.facts = facts
    }

    /// The sender of a record is to blame.
    var asRefusal: DeltaLogError { error(.recordRefused) }

    /// The file at `path` is to blame.
    func asFileError(path: String) -> DeltaLogError {
        var error = error(fileCode)
        error.facts["path"] = path
        return error
    }

    private func error(_ code: DeltaLogError.Code) -> DeltaLogError {
        var facts = facts
        facts["condition"] = condition.rawValue
        return DeltaLogError(code, condition.sentence, facts: facts)
    }

    private var fileCode: DeltaLogError.Code {
        switch condition {
        case .headerMagic: .notADeltaLog
        case .headerVersion: .unsupportedVersion
        case .headerSeal: .wrongKey
        case .trailerMagic, .trailerFileBytes: .incomplete
        case .headerReserved, .headerLengths, .headerConsistency, .headerAncestry, .headerDisks, .headerKeyTable,
            .guestSeal, .guestPacking, .guestDefinition, .recordMagic, .recordReserved, .recordKind, .recordAttempt,
            .recordRange,
            .recordPayload, .recordSize, .recordSeal, .recordUnpacking, .recordOfExtent, .recordSequence,
            .indexDigest, .indexRange, .indexOrder, .indexKeySlot, .indexLengths, .indexPosition, .indexTotals,
            .trailerVersion, .trailerSeal, .trailerHeaderDigest, .trailerGeometry, .trailerPadding:
            .corrupt
        }
    }
}

/// Throws unless `holds`; one condition per check.
func require(_ holds: Bool, _ condition: FormatCondition) throws(FormatFault) {
    guard holds else { throw FormatFault(condition) }
}
