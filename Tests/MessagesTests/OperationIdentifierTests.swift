import Messages
import Testing

@Suite struct OperationIdentifierTests {
    @Test func bytesRoundTrip() throws {
        let identifier = OperationIdentifier(high: 0x00ff_0000_0000_0001, low: 2)
        #expect(identifier.bytes.count == 16)
        #expect(OperationIdentifier(bytes: identifier.bytes) == identifier)
        #expect(identifier.description == "00ff0000000000010000000000000002")
    }

    @Test func otherLengthsAreNil() {
        #expect(OperationIdentifier(bytes: [UInt8](repeating: 0, count: 15)) == nil)
        #expect(OperationIdentifier(bytes: [UInt8](repeating: 0, count: 17)) == nil)
    }
}
