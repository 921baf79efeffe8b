import Testing

@testable import MessageBus

@Suite struct BulkFrameHeaderTests {
    /// Golden: these bytes never change within version 1.
    private static let golden: [UInt8] = [
        0x42, 0x42, 0x4b, 0x31, 1, 3, 0, 0,
        0, 0, 0, 7, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 1, 2,
        0, 0, 0, 0, 0, 0, 3, 4,
        0, 0, 0, 0, 0, 0, 0, 5,
    ]

    private static var header: BulkFrameHeader {
        var header = BulkFrameHeader(.record, attempt: 7, sequence: 0x102, value: 0x304)
        header.bodyLength = 5
        return header
    }

    @Test func theHeaderHasItsGoldenBytes() throws {
        #expect(Self.header.encoded == Self.golden)
        #expect(try BulkFrameHeader(decoding: Self.golden, bodyCount: 5) == Self.header)
    }

    @Test(arguments: BulkFrameHeader.Kind.allCases) func everyKindSurvives(kind: BulkFrameHeader.Kind) throws {
        #expect(try BulkFrameHeader(decoding: BulkFrameHeader(kind).encoded, bodyCount: 0).kind == kind)
    }

    /// One byte wrong at a time.
    @Test(arguments: [
        (0, UInt8(0), BulkFrameHeader.Fault.wrongMagic), (3, 0x32, .wrongMagic), (4, 2, .wrongVersion(2)),
        (5, 0, .unknownKind(0)), (5, 12, .unknownKind(12)), (6, 1, .reservedBytesNotZero),
        (7, 1, .reservedBytesNotZero), (12, 1, .reservedBytesNotZero), (15, 1, .reservedBytesNotZero),
        (39, 6, .bodyLengthDiffers(announced: 6, got: 5)),
    ])
    func everyCheckedByteIsChecked(offset: Int, value: UInt8, fault: BulkFrameHeader.Fault) {
        var bytes = Self.golden
        bytes[offset] = value
        #expect(throws: fault) { try BulkFrameHeader(decoding: bytes, bodyCount: 5) }
    }

    @Test(arguments: [0, 1, 39, 41]) func otherLengthsAreRefused(count: Int) {
        let bytes = [UInt8](repeating: 0, count: count)
        #expect(throws: BulkFrameHeader.Fault.wrongLength) { try BulkFrameHeader(decoding: bytes, bodyCount: 0) }
    }

    @Test func helloAndHashRequestBodiesRoundTrip() throws {
        let hello = BulkHello(token: Array(0..<16), job: Array(16..<32), attempt: 4)
        #expect(hello.body == Array(0..<32))
        #expect(BulkHello(body: hello.body, attempt: 4) == hello)
        #expect(BulkHello(body: Array(0..<31), attempt: 4) == nil)
        let request = BulkHashRequest(disk: 2, offset: 65_536, length: 100)
        #expect(request.body == [0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 100])
        #expect(BulkHashRequest(body: request.body) == request)
    }

    @Test(arguments: [
        BulkHashRequest(disk: 0, offset: 1, length: 65_536), BulkHashRequest(disk: 0, offset: 0, length: 0),
        BulkHashRequest(disk: 0, offset: 0, length: (64 << 20) + 1),
        BulkHashRequest(disk: 0, offset: .max - 65_535, length: 65_536 * 2),
    ])
    func hashRequestsOfWrongRangesAreRefused(request: BulkHashRequest) {
        #expect(BulkHashRequest(body: request.body) == nil)
    }
}
