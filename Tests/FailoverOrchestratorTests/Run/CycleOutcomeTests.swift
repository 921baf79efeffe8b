import Messages
import SwiftProtobuf
import Testing

@testable import FailoverOrchestrator

/// What a run takes from the policy service's history.
@Suite struct CycleOutcomeTests {
    @Test(arguments: [Messages.Consistency.application, .crash])
    func `how consistent a cycle is the policy service tells`(consistency: Messages.Consistency) throws {
        let reply = Messages.PolicyReply.OneOf_Reply.history(
            .with {
                $0.cycles = [
                    .with {
                        $0.cycle = 4
                        $0.offline = true
                        $0.consistency = consistency
                    }
                ]
            })
        guard case .history(let cycles) = try RunCall.history.answer(reply) else {
            Issue.record("a history is one")
            return
        }
        #expect(cycles.map(\.isApplicationConsistent) == [consistency == .application])
    }
}
