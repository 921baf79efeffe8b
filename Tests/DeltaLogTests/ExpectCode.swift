import Testing

@testable import DeltaLog

/// Expects a `DeltaLogError` of this code.
func expectCode<Result>(
    _ code: DeltaLogError.Code, condition: FormatCondition? = nil, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> Result
) {
    do {
        _ = try body()
        Issue.record("nothing was thrown", sourceLocation: sourceLocation)
    } catch let error as DeltaLogError {
        #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
        if let condition {
            #expect(error.facts["condition"] == condition.rawValue, "\(error)", sourceLocation: sourceLocation)
        }
    } catch {
        Issue.record("another error was thrown: \(error)", sourceLocation: sourceLocation)
    }
}
