import Repeatable

@testable import DeltaLog

/// What one record says of a disk: data, or zeros.
enum DiskWrite {
    case data(disk: UInt16, offset: UInt64, bytes: [UInt8])
    case zero(disk: UInt16, offset: UInt64, length: UInt64)

    var disk: UInt16 {
        switch self {
        case .data(let disk, _, _), .zero(let disk, _, _): disk
        }
    }

    var range: Range<UInt64> {
        switch self {
        case .data(_, let offset, let bytes): offset..<offset + UInt64(bytes.count)
        case .zero(_, let offset, let length): offset..<offset + length
        }
    }

    func record(_ sealer: inout RecordSealer) throws -> [UInt8] {
        switch self {
        case .data(let disk, let offset, let bytes):
            try sealer.sealData(disk: disk, offset: offset, bytes: bytes.span.bytes)
        case .zero(let disk, let offset, let length):
            try sealer.zero(disk: disk, offset: offset, length: length)
        }
    }

    /// Bytes that a seed determines, the first `textShare` of them compressible.
    static func pattern(_ seed: UInt64, count: Int, textShare: Double = 0.5) -> [UInt8] {
        var random = SeededRandom(seed: seed)
        let words = (0..<(count + 7) / 8).map { word -> UInt64 in
            Double(word * 8) < Double(count) * textShare ? UInt64(word / 8) : random.next()
        }
        return words.withUnsafeBytes { Array($0[..<count]) }
    }
}
