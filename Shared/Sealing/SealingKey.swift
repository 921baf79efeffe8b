internal import COpenSSL

/// A 256-bit symmetric key that never prints itself and is wiped when its last holder lets go.
///
/// It is a class, because a value would be copied, and a forgotten copy could not be wiped.
package final class SealingKey: Sendable {
    package static let byteCount = 32

    // Because the bytes are written in `init` alone, before the key is shared, and wiped in `deinit`, after.
    nonisolated(unsafe) private let storage: UnsafeMutableRawPointer

    /// - Throws: `SealingError.invalidLength` unless there are exactly 32 bytes.
    package init(bytes: RawSpan) throws {
        guard bytes.byteCount == Self.byteCount else {
            throw SealingError(.invalidLength, "a key has \(Self.byteCount) bytes, not \(bytes.byteCount)")
        }
        storage = .allocate(byteCount: Self.byteCount, alignment: 16)
        bytes.withUnsafeBytes { storage.copyMemory(from: $0.baseAddress!, byteCount: Self.byteCount) }
    }

    package convenience init(bytes: [UInt8]) throws {
        try self.init(bytes: bytes.span.bytes)
    }

    /// Fills a new key in place, so that no copy of it is left elsewhere.
    init(filling body: (UnsafeMutableRawBufferPointer) throws -> Void) throws {
        storage = .allocate(byteCount: Self.byteCount, alignment: 16)
        try body(UnsafeMutableRawBufferPointer(start: storage, count: Self.byteCount))
    }

    deinit {
        OPENSSL_cleanse(storage, Self.byteCount)
        storage.deallocate()
    }

    /// A key from the operating system's random source.
    package static func random() throws -> SealingKey {
        try SealingKey { try SecureRandom.fill($0) }
    }

    /// Lends the bytes. They must not outlive the call, except into a message or file that is itself protected.
    package func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try body(UnsafeRawBufferPointer(start: storage, count: Self.byteCount))
    }
}

extension SealingKey: Equatable {
    /// Takes the same time whether the keys differ early, late, or not at all.
    package static func == (left: SealingKey, right: SealingKey) -> Bool {
        CRYPTO_memcmp(left.storage, right.storage, byteCount) == 0
    }
}

extension SealingKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "SealingKey(redacted)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
