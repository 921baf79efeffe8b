package import Sealing

/// Makes the records of one attempt: packs, seals and numbers them. Used by a worker; not shared between threads.
///
/// It cannot be copied, because two sealers with one attempt would use a nonce twice.
package struct RecordSealer: ~Copyable, Sendable {
    package let attempt: UInt32
    /// Number of the next record; the first is 0.
    package private(set) var sequence: UInt64 = 0

    /// - Parameter attempt: unique within the opening of the cycle that `key` was made for, and not 0.
    package init(key: SealingKey, attempt: UInt32, preference: CompressionPreference) throws {
        self.attempt = attempt
    }

    /// A sealed data record: 48 bytes of header, the packed and sealed data, 16 bytes of tag.
    ///
    /// `offset` and the number of bytes are multiples of 512; there are 512 bytes to 1 MiB.
    package mutating func sealData(disk: UInt16, offset: UInt64, bytes: RawSpan) throws -> [UInt8] {
        fatalError("not built yet")
    }

    /// An authenticated record that says: this range holds zeros. 64 bytes.
    ///
    /// `offset` and `length` are multiples of 512; `length` is 512 bytes to 1 TiB.
    package mutating func zero(disk: UInt16, offset: UInt64, length: UInt64) throws -> [UInt8] {
        fatalError("not built yet")
    }

    /// SHA-256 over header and tag of every record made so far; equals `AttemptSummary.digest` of the receiving side.
    package func digest() throws -> [UInt8] {
        fatalError("not built yet")
    }
}
