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

    @Test func theDescriptionNamesCodeRemedyAndFacts() {
        let error = RemoteError(.notFound, "No such guest.", remedy: "Look.", facts: ["b": "2", "a": "1"])
        #expect(error.description == "NOT_FOUND: No such guest. Look. [a=1, b=2]")
    }
}
