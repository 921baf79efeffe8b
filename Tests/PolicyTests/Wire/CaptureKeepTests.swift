import Messages
import Testing

@testable import Policy

/// How long source agents are asked to keep captures.
@Suite struct CaptureKeepTests {
    @Test(arguments: [(.full, 60_000), (.compare, 60_000), (.incremental, 20_000)] as [(Policy.CycleKind, UInt32)])
    func `captures of cycles that last long outlive a longer silence`(kind: Policy.CycleKind, milliseconds: UInt32)
        throws
    {
        let order = AgentCall.CaptureOrder(
            guestUUID: "u", cycle: 8, kind: kind, parent: 7, consistency: .crash, freezeLimitMilliseconds: 1_000)
        guard case .openCapture(let open) = AgentCall.openCapture(order).request(of: Samples.protection),
            case .keepCapture(let keep) = AgentCall.keepCapture(cycle: 8, kind: kind).request(of: Samples.protection)
        else { return #expect(Bool(false), "other requests") }
        #expect(open.keepMs == milliseconds && keep.keepMs == milliseconds)
        #expect(keep.cycle == 8 && keep.protection == Samples.protection.text)
    }
}
