import Messages
import Testing

@testable import OperatorCLI

@Suite struct FailureReportTests {
    @Test func everyCodeOfTheProtocolHasAnExitStatus() {
        let expected: [ErrorCode: CommandStatus] = [
            .invalidArgument: .usage, .notFound: .notFound, .alreadyExists: .refused, .conflict: .refused,
            .staleGeneration: .refused, .wrongParent: .refused, .failedPrecondition: .refused,
            .resourceExhausted: .refused, .unavailable: .unavailable, .deadlineExceeded: .unavailable,
            .unsupportedVersion: .refused, .unimplemented: .refused, .corruptData: .corrupt, .leaseLost: .failed,
            .internal: .failed, .unspecified: .failed,
        ]
        for code in ErrorCode.allCases { #expect(CommandStatus(code) == expected[code]) }
    }

    @Test func anErrorSaysWhatHappenedAndWhatToDoNext() {
        let report = FailureReport(
            RemoteError(.notFound, "There is no guest named web9.", remedy: "See: bascule guests."))
        #expect(report.lines == ["bascule: There is no guest named web9.", "  Next: See: bascule guests."])
        #expect(report.status == .notFound)
    }

    @Test func forMachinesItIsOneDocument() {
        let report = FailureReport(OperatorError(.refused, "no", remedy: "yes"))
        #expect(
            report.text
                == #"{"error":{"code":"refused","facts":{},"message":"no","remedy":"yes"},"exitStatus":4}"#)
    }

    @Test func controlCIsAnInterruption() {
        #expect(FailureReport(CancellationError()).status == .interrupted)
    }

    @Test func nobodyReachedSaysWhereAndHowToNameAnother() {
        let error = RemoteError(.unavailable, "x", facts: ["origin": "caller"])
            .reaching("the vault", at: "tcp://127.0.0.1:7701", option: "--vault")
        #expect(error.message == "the vault does not answer at tcp://127.0.0.1:7701")
        #expect(error.remedy == "see that it runs there, or name another endpoint with --vault")
        let said = RemoteError(.unavailable, "the store is closed")
        #expect(said.reaching("the vault", at: "tcp://127.0.0.1:7701", option: nil) == said)
    }
}
