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

/// SplitMix64: the same numbers for the same seed, everywhere.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
