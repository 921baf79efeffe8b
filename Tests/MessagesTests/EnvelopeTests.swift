import FoundationEssentials
import Messages
import SwiftProtobuf
import Testing

@Suite struct EnvelopeTests {
    private static let operation = OperationIdentifier(high: 0x0001_0203_0405_0607, low: 0x0809_0a0b_0c0d_0e0f)

    private static func request() -> Envelope {
        .request(
            .heartbeat(Heartbeat()), operation: operation, timeLeft: .milliseconds(1500), generation: 7, trace: "t",
            sender: "policy/p1")
    }

    /// Golden: these bytes are the contract with clients in other languages, and never change within version 1.
    @Test func envelopeHasItsGoldenBytes() throws {
        let golden: [UInt8] =
            [0x08, 1]  // protocol_version
            + [0x12, 16, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]  // operation_id
            + [0x18, 0xdc, 0x0b]  // time_left_ms 1500
            + [0x20, 7]  // generation
            + [0x2a, 1, 0x74]  // trace
            + [0x32, 9] + Array("policy/p1".utf8)  // sender
            + [0x5a, 0]  // heartbeat, field 11, empty
        #expect(Self.request().encoded() == golden)
        #expect(try Envelope.decode(golden) == Self.request())
    }

    @Test func aHostsIncarnationHasItsGoldenBytes() throws {
        var register = VaultRequest()
        register.registerHost.host.id = "h"
        register.registerHost.host.incarnation = 2
        register.registerHost.site = "s"
        var report = VaultRequest()
        report.reportInventory.hostID = "h"
        report.reportInventory.sequence = 7
        report.reportInventory.incarnation = 2
        let bodies: [(VaultRequest, [UInt8])] = [
            (register, [0x3a, 10, 0x0a, 5, 0x0a, 1, 0x68, 0x50, 2, 0x12, 1, 0x73]),  // host {id, field 10}, site
            (report, [0x42, 7, 0x0a, 1, 0x68, 0x10, 7, 0x30, 2]),  // host_id, sequence, field 6
        ]
        for (request, golden) in bodies {
            let envelope = Envelope.request(
                .vaultRequest(request), operation: Self.operation, timeLeft: .milliseconds(1500), sender: "a")
            // Field 20 of the envelope is its last.
            let end = Array(envelope.encoded().suffix(golden.count + 3))
            #expect(end == [0xa2, 1, UInt8(golden.count)] + golden)
            #expect(try Envelope.decode(envelope.encoded()) == envelope)
        }
    }

    @Test func theVersionThatAStatusIsMadeFromHasItsGoldenBytes() throws {
        var status = ProtectionStatus()
        status.protection = "p"
        status.protectionVersion = 300
        // Field 14 of varint type, then 300 in two groups of seven bits.
        #expect([UInt8](try status.serializedData()) == [0x0a, 1, 0x70, 0x70, 0xac, 2])
    }

    @Test func howFarAJobIsHasItsGoldenBytes() throws {
        var report = ReportJob()
        report.workerID = "w"
        report.job = "j"
        report.attempt = 2
        report.doneBytes = 300
        // Field 6 of varint type, then 300 in two groups of seven bits.
        #expect([UInt8](try report.serializedData()) == [0x0a, 1, 0x77, 0x12, 1, 0x6a, 0x18, 2, 0x30, 0xac, 2])
    }

    @Test func replyCarriesTheRequestsIdentifierGenerationAndTrace() throws {
        let reply = Self.request().reply(.heartbeat(Heartbeat()), sender: "vault/v")
        #expect(reply.operation == Self.operation)
        #expect(reply.generation == 7)
        #expect(reply.trace == "t")
        #expect(reply.sender == "vault/v")
        #expect(reply.timeLeft == nil)
    }

    @Test func randomBytesAreNotAnEnvelope() {
        #expect(throws: EnvelopeFault.notAnEnvelope(byteCount: 3)) { try Envelope.decode([0xff, 0xff, 0xff]) }
    }

    @Test func anEmptyFrameIsAnotherVersion() {
        #expect(throws: EnvelopeFault.unsupportedVersion(Envelope())) { try Envelope.decode([]) }
    }

    @Test(arguments: [UInt32(0), 2, .max])
    func otherVersionsAreRefusedWithWhatIsSpoken(version: UInt32) throws {
        var envelope = Self.request()
        envelope.protocolVersion = version
        let fault = try #require(throws: EnvelopeFault.self) { try Envelope.decode(envelope.encoded()) }
        #expect(fault == .unsupportedVersion(envelope))
        #expect(fault.error.code == .unsupportedVersion)
        #expect(fault.error.facts == ["got": "\(version)", "spoken": "1"])
    }

    @Test(arguments: [0, 15, 17])
    func anIdentifierOfAnotherLengthIsRefused(count: Int) throws {
        var envelope = Self.request()
        envelope.operationID = Data(repeating: 1, count: count)
        #expect(throws: EnvelopeFault.badOperationIdentifier(envelope)) { try Envelope.decode(envelope.encoded()) }
    }

    @Test func aMissingBodyIsRefused() throws {
        var envelope = Self.request()
        envelope.body = nil
        #expect(throws: EnvelopeFault.noBody(envelope)) { try Envelope.decode(envelope.encoded()) }
    }

    @Test(arguments: [
        (Duration.zero, UInt32(1)), (.seconds(-1), 1), (.microseconds(1), 1), (.milliseconds(2), 2),
        (.microseconds(2001), 3), (.seconds(10_000_000), UInt32.max),
    ])
    func timeLeftIsRoundedUpAndNeverZero(duration: Duration, milliseconds: UInt32) {
        #expect(duration.wireMilliseconds == milliseconds)
    }
}
