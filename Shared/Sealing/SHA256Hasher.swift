internal import COpenSSL

/// SHA-256 over bytes that arrive piece by piece.
///
/// Unchecked, because digest contexts may move between threads, only not be used by two at once, and this value cannot
/// be copied.
package struct SHA256Hasher: ~Copyable, @unchecked Sendable {
    package static let digestByteCount = 32

    private let context: OpaquePointer

    package init() {
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex2(context, Self.algorithm, nil) == 1 else {
            preconditionFailure("OpenSSL has no SHA-256: \(OpenSSLFailure.take())")
        }
        self.context = context
    }

    deinit {
        EVP_MD_CTX_free(context)
    }

    package mutating func update(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { update($0) }
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        let taken = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
        precondition(taken == 1, "SHA-256 takes any bytes")
    }

    /// The digest of everything so far, 32 bytes; hashing may go on afterwards.
    package func digest() -> [UInt8] {
        guard let copy = EVP_MD_CTX_new() else { preconditionFailure("out of memory") }
        defer { EVP_MD_CTX_free(copy) }
        return [UInt8](unsafeUninitializedCapacity: Self.digestByteCount) { buffer, count in
            let done =
                EVP_MD_CTX_copy_ex(copy, context) == 1 && EVP_DigestFinal_ex(copy, buffer.baseAddress, nil) == 1
            precondition(done, "SHA-256 always ends")
            count = Self.digestByteCount
        }
    }

    /// The digest of one piece.
    package static func digest(of bytes: RawSpan) -> [UInt8] {
        var hasher = SHA256Hasher()
        hasher.update(bytes)
        return hasher.digest()
    }

    // Because fetching an algorithm takes locks, it is done once; a fetched algorithm is never written again.
    nonisolated(unsafe) private static let algorithm: OpaquePointer = {
        guard let algorithm = EVP_MD_fetch(nil, "SHA256", nil) else {
            preconditionFailure("OpenSSL has no SHA-256: \(OpenSSLFailure.take())")
        }
        return algorithm
    }()
}
