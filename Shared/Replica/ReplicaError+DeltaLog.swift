internal import DeltaLog

extension ReplicaError {
    /// Runs something of DeltaLog, and says its errors in this library's words; the original stays as the cause.
    static func translating<Result: ~Copyable>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as DeltaLogError {
            throw ReplicaError(error)
        }
    }

    init(_ error: DeltaLogError) {
        self.init(
            Self.code(for: error.code), error.message, remedy: error.remedy, facts: error.facts, cause: error)
    }

    private static func code(for code: DeltaLogError.Code) -> Code {
        switch code {
        case .notADeltaLog, .unsupportedVersion, .incomplete, .corrupt, .wrongKey: .corruptData
        case .recordRefused, .attemptState, .overlap, .notConsecutive: .invalidArgument
        case .limitExceeded: .limitExceeded
        case .noSpace: .spaceExhausted
        case .inputOutput: .system
        case .closed: .cycleNotOpen
        }
    }
}
