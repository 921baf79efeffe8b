/// The first frame of every bulk message; the body is the second. All numbers are big-endian.
///
/// | offset | bytes | meaning |
/// |---|---|---|
/// | 0 | 4 | magic `BBK1` |
/// | 4 | 1 | version, 1 |
/// | 5 | 1 | kind |
/// | 6 | 2 | zero |
/// | 8 | 4 | attempt |
/// | 12 | 4 | zero |
/// | 16 | 8 | sequence |
/// | 24 | 8 | value |
/// | 32 | 8 | bytes of the body frame |
struct BulkFrameHeader: Equatable, Sendable {
    enum Kind: UInt8, CaseIterable, Sendable {
        case hello = 1
        case welcome = 2
        case record = 3
        case credit = 4
        case finish = 5
        case stored = 6
        case hashRequest = 7
        case hashes = 8
        case refuse = 9
        case heartbeat = 10
        case abandon = 11
    }

    enum Fault: Error, Equatable {
        case wrongFrameCount
        case wrongLength
        case wrongMagic
        case wrongVersion(UInt8)
        case unknownKind(UInt8)
        case reservedBytesNotZero
        case bodyLengthDiffers(announced: UInt64, got: Int)
    }

    static let byteCount = 40
    static let magic: UInt32 = 0x4242_4b31
    static let version: UInt8 = 1

    var kind: Kind
    var attempt: UInt32 = 0
    var sequence: UInt64 = 0
    var value: UInt64 = 0
    var bodyLength: UInt64 = 0

    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.byteCount)
        bytes.appendBigEndian(Self.magic)
        bytes.append(Self.version)
        bytes.append(kind.rawValue)
        bytes.appendBigEndian(UInt16(0))
        bytes.appendBigEndian(attempt)
        bytes.appendBigEndian(UInt32(0))
        bytes.appendBigEndian(sequence)
        bytes.appendBigEndian(value)
        bytes.appendBigEndian(bodyLength)
        return bytes
    }

    /// Checks everything that can be checked without knowing the transfer.
    init(decoding bytes: [UInt8], bodyCount: Int) throws(Fault) {
        guard bytes.count == Self.byteCount else { throw .wrongLength }
        guard bytes.bigEndian(at: 0, as: UInt32.self) == Self.magic else { throw .wrongMagic }
        guard bytes[4] == Self.version else { throw .wrongVersion(bytes[4]) }
        guard let kind = Kind(rawValue: bytes[5]) else { throw .unknownKind(bytes[5]) }
        guard bytes.bigEndian(at: 6, as: UInt16.self) == 0, bytes.bigEndian(at: 12, as: UInt32.self) == 0 else {
            throw .reservedBytesNotZero
        }
        self.kind = kind
        attempt = bytes.bigEndian(at: 8, as: UInt32.self)
        sequence = bytes.bigEndian(at: 16, as: UInt64.self)
        value = bytes.bigEndian(at: 24, as: UInt64.self)
        bodyLength = bytes.bigEndian(at: 32, as: UInt64.self)
        guard bodyLength == UInt64(bodyCount) else {
            throw .bodyLengthDiffers(announced: bodyLength, got: bodyCount)
        }
    }

    init(_ kind: Kind, attempt: UInt32 = 0, sequence: UInt64 = 0, value: UInt64 = 0) {
        self.kind = kind
        self.attempt = attempt
        self.sequence = sequence
        self.value = value
    }
}
