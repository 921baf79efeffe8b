import FoundationEssentials
import Messages
import Testing

@Suite struct RequiredFieldTests {
    @Test func unspecifiedAndUnknownChoicesAreRefused() throws {
        #expect(throws: RemoteError.self) { try RequiredField.choice(CycleKind.unspecified, "kind") }
        #expect(throws: RemoteError.self) { try RequiredField.choice(CycleKind.UNRECOGNIZED(9), "kind") }
        #expect(try RequiredField.choice(CycleKind.full, "kind") == .full)
    }

    @Test func uuidsAreParsedAndOthersNamed() throws {
        let uuid = UUID()
        #expect(try RequiredField.uuid(uuid.uuidString, "protection") == uuid)
        let error = try #require(throws: RemoteError.self) {
            try RequiredField.uuid(String(repeating: "x", count: 5000), "protection")
        }
        #expect(error.code == .invalidArgument)
        #expect(error.facts["field"] == "protection")
        #expect(error.facts["value"]?.count == 64)
    }

    @Test func textAndBytesAreBounded() throws {
        #expect(throws: RemoteError.self) { try RequiredField.text("", "name") }
        #expect(throws: RemoteError.self) { try RequiredField.text("abc", "name", maximumBytes: 2) }
        #expect(throws: RemoteError.self) { try RequiredField.bytes(Data([1, 2]), count: 3, "key") }
        #expect(try RequiredField.bytes(Data([1, 2]), count: 2, "key") == [1, 2])
    }
}
