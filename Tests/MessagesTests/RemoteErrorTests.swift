import Messages
import Testing

@Suite struct RemoteErrorTests {
    @Test func everyFieldSurvivesTheWire() {
        let error = RemoteError(.conflict, "m", remedy: "r", retryable: true, facts: ["a": "b"])
        #expect(RemoteError(wire: error.wire) == error)
    }

    @Test func retryableFollowsTheCodeUnlessSaid() {
        #expect(RemoteError(.unavailable, "").retryable)
        #expect(!RemoteError(.conflict, "").retryable)
        #expect(!RemoteError(.unavailable, "", retryable: false).retryable)
    }

    @Test(arguments: [ErrorCode.unspecified, .UNRECOGNIZED(99)])
    func codesThatMeanNothingBecomeInternal(code: ErrorCode) {
        var wire = WireError()
        wire.code = code
        #expect(RemoteError(wire: wire).code == .internal)
    }

    /// What a peer says of its failure is kept and shown, so it has a bound.
    @Test func longTextsAndManyFactsAreCut() {
        var wire = WireError()
        wire.code = .internal
        (wire.message, wire.remedy) = (String(repeating: "é", count: 100_000), String(repeating: "r", count: 5_000))
        for number in 0..<100 { wire.facts["\(number)"] = String(repeating: "f", count: 100_000) }
        let error = RemoteError(wire: wire)
        for text in [error.message, error.remedy] + error.facts.values {
            #expect(text.utf8.count <= RemoteError.textBytesMaximum + 3 && text.hasSuffix("…"))
        }
        #expect(error.facts.count == RemoteError.factsMaximum)
    }

    @Test func theDescriptionNamesCodeRemedyAndFacts() {
        let error = RemoteError(.notFound, "No such guest.", remedy: "Look.", facts: ["b": "2", "a": "1"])
        #expect(error.description == "NOT_FOUND: No such guest. Look. [a=1, b=2]")
    }
}
