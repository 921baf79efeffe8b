/// What makes each sealed piece under one key different: 12 bytes, attempt then sequence, most significant byte first.
///
/// GCM loses all secrecy when a nonce is used twice with one key. Attempts are unique within the opening of a cycle,
/// sequences rise within an attempt, and each opening has its own key.
package struct SealNonce: Hashable, Sendable {
    package static let byteCount = 12

    package var attempt: UInt32
    package var sequence: UInt64

    package init(attempt: UInt32, sequence: UInt64) {
        self.attempt = attempt
        self.sequence = sequence
    }

    /// Lends the 12 bytes from the stack, because one is made per record.
    func withBytes<Result>(_ body: (UnsafePointer<UInt8>) throws -> Result) rethrows -> Result {
        let bytes: InlineArray<3, UInt32> = [
            attempt.bigEndian,
            UInt32(truncatingIfNeeded: sequence >> 32).bigEndian,
            UInt32(truncatingIfNeeded: sequence).bigEndian,
        ]
        return try bytes.span.bytes.withUnsafeBytes { raw in
            try body(raw.bindMemory(to: UInt8.self).baseAddress!)
        }
    }
}
