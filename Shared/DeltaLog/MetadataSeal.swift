internal import Sealing

/// The seals of a file's own parts, under its metadata key. Each part has its own nonce, and each file its own key.
struct MetadataSeal: ~Copyable {
    /// The sequence of the nonce, whose attempt is 0: no worker's attempt is.
    enum Part: UInt64 {
        case header = 0
        case guest = 1
        case trailer = 2

        var nonce: SealNonce { SealNonce(attempt: 0, sequence: rawValue) }

        /// What does not hold when this part's seal does not open.
        var condition: FormatCondition {
            switch self {
            case .header: .headerSeal
            case .guest: .guestSeal
            case .trailer: .trailerSeal
            }
        }
    }

    private var cipher: SealCipher

    init(key: SealingKey) throws {
        cipher = try SealCipher(key: key)
    }

    /// Authenticates bytes that stay readable.
    mutating func tag(over bytes: ArraySlice<UInt8>, as part: Part) throws -> [UInt8] {
        try seal([], as: part, authenticating: Array(bytes))
    }

    mutating func check(_ tag: ArraySlice<UInt8>, over bytes: ArraySlice<UInt8>, as part: Part) throws {
        _ = try open(Array(tag), as: part, authenticating: Array(bytes))
    }

    /// Ciphertext followed by its tag.
    mutating func seal(_ plain: [UInt8], as part: Part, authenticating header: [UInt8]) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: plain.count + SealCipher.tagByteCount) { memory, count in
            let bytes = UnsafeMutableRawBufferPointer(memory)
            let tagEnd = plain.count + SealCipher.tagByteCount
            try plain.withUnsafeBytes { plainBytes in
                try header.withUnsafeBytes { headerBytes in
                    try cipher.seal(
                        plainBytes, into: .init(rebasing: bytes[..<plain.count]),
                        tag: .init(rebasing: bytes[plain.count..<tagEnd]), authenticating: headerBytes,
                        nonce: part.nonce)
                }
            }
            count = tagEnd
        }
    }

    /// - Parameter sealed: ciphertext followed by its tag.
    /// - Throws: the part's own condition when the seal does not open.
    mutating func open(_ sealed: [UInt8], as part: Part, authenticating header: [UInt8]) throws -> [UInt8] {
        precondition(sealed.count >= SealCipher.tagByteCount)
        let plainBytes = sealed.count - SealCipher.tagByteCount
        do {
            return try openAuthentic(sealed, plainBytes, as: part, authenticating: header)
        } catch let error as SealingError where error.code == .authentication {
            throw FormatFault(part.condition)
        }
    }

    private mutating func openAuthentic(
        _ sealed: [UInt8], _ plainBytes: Int, as part: Part, authenticating header: [UInt8]
    ) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: plainBytes) { memory, count in
            let output = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(memory)[..<plainBytes])
            try sealed.withUnsafeBytes { sealedBytes in
                try header.withUnsafeBytes { headerBytes in
                    try cipher.open(
                        .init(rebasing: sealedBytes[..<plainBytes]), into: output,
                        tag: .init(rebasing: sealedBytes[plainBytes...]), authenticating: headerBytes,
                        nonce: part.nonce)
                }
            }
            count = plainBytes
        }
    }
}
