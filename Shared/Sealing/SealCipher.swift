internal import COpenSSL

/// AES-256-GCM under one key. Setting a key costs more than sealing a small record, so a cipher is made once and used
/// for many. It is used by one thread at a time: unchecked, because EVP contexts may move between threads, and this value
/// cannot be copied.
///
/// It takes buffers and not spans, because sealing works in place: input and output may be the same memory.
package struct SealCipher: ~Copyable, @unchecked Sendable {
    package static let tagByteCount = 16

    private let context: OpaquePointer

    package init(key: SealingKey) throws {
        guard let context = EVP_CIPHER_CTX_new() else {
            throw SealingError(.library, "a cipher could not be made", cause: OpenSSLFailure.take())
        }
        let ready = key.withUnsafeBytes { bytes in
            EVP_CipherInit_ex2(
                context, Self.algorithm, bytes.bindMemory(to: UInt8.self).baseAddress, nil, Self.sealing, nil)
        }
        guard ready == 1 else {
            let cause = OpenSSLFailure.take()
            EVP_CIPHER_CTX_free(context)
            throw SealingError(.library, "a cipher did not take its key", cause: cause)
        }
        self.context = context
    }

    deinit {
        EVP_CIPHER_CTX_free(context)  // wipes the key schedule
    }

    /// Encrypts `input` to `output` (as long, possibly the same memory) and writes the tag over both header and input.
    package mutating func seal(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer,
        tag: UnsafeMutableRawBufferPointer, authenticating header: UnsafeRawBufferPointer, nonce: SealNonce
    ) throws {
        precondition(output.count == input.count && tag.count == Self.tagByteCount)
        try start(Self.sealing, nonce: nonce, header: header)
        try update(input, output.baseAddress)
        var written: Int32 = 0
        var none: UInt8 = 0
        guard
            EVP_CipherFinal_ex(context, &none, &written) == 1,
            EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(Self.tagByteCount), tag.baseAddress) == 1
        else {
            throw SealingError(.library, "sealing failed", cause: OpenSSLFailure.take())
        }
    }

    /// Decrypts `input` to `output` (as long, possibly the same memory).
    /// - Throws: `SealingError.authentication`; `output` then holds zeros, because unauthenticated bytes must not be used.
    package mutating func open(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer,
        tag: UnsafeRawBufferPointer, authenticating header: UnsafeRawBufferPointer, nonce: SealNonce
    ) throws {
        precondition(output.count == input.count && tag.count == Self.tagByteCount)
        try start(Self.opening, nonce: nonce, header: header)
        try update(input, output.baseAddress)
        do {
            try check(tag)
        } catch {
            OPENSSL_cleanse(output.baseAddress, output.count)
            throw error
        }
    }

    /// Checks the tag without keeping the plain bytes: they pass through a buffer that fits the processor's cache.
    package mutating func verify(
        _ input: UnsafeRawBufferPointer, tag: UnsafeRawBufferPointer,
        authenticating header: UnsafeRawBufferPointer, nonce: SealNonce
    ) throws {
        precondition(tag.count == Self.tagByteCount)
        try start(Self.opening, nonce: nonce, header: header)
        try withUnsafeTemporaryAllocation(byteCount: Self.verifyingBytes, alignment: 64) { scratch in
            var rest = input
            while !rest.isEmpty {
                let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(scratch.count))
                try update(piece, scratch.baseAddress)
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(piece.count))
            }
            OPENSSL_cleanse(scratch.baseAddress, min(scratch.count, input.count))
        }
        try check(tag)
    }

    // MARK: Steps

    private static let sealing: Int32 = 1
    private static let opening: Int32 = 0
    private static let verifyingBytes = 16 << 10

    // Because fetching an algorithm takes locks, it is done once; a fetched algorithm is never written again.
    nonisolated(unsafe) private static let algorithm: OpaquePointer = {
        guard let algorithm = EVP_CIPHER_fetch(nil, "AES-256-GCM", nil) else {
            preconditionFailure("OpenSSL has no AES-256-GCM: \(OpenSSLFailure.take())")
        }
        return algorithm
    }()

    private func start(_ direction: Int32, nonce: SealNonce, header: UnsafeRawBufferPointer) throws {
        let started = nonce.withBytes { EVP_CipherInit_ex2(context, nil, nil, $0, direction, nil) }
        guard started == 1 else {
            throw SealingError(.library, "a cipher did not start", cause: OpenSSLFailure.take())
        }
        try update(header, nil)
    }

    /// Without `output` the bytes are authenticated only.
    private func update(_ input: UnsafeRawBufferPointer, _ output: UnsafeMutableRawPointer?) throws {
        guard !input.isEmpty else { return }
        precondition(input.count <= Int(Int32.max))
        var written: Int32 = 0
        let done = EVP_CipherUpdate(
            context, output?.assumingMemoryBound(to: UInt8.self), &written,
            input.bindMemory(to: UInt8.self).baseAddress, Int32(input.count))
        guard done == 1, Int(written) == input.count else {
            throw SealingError(.library, "a cipher did not take its input", cause: OpenSSLFailure.take())
        }
    }

    private func check(_ tag: UnsafeRawBufferPointer) throws {
        // OpenSSL declares the tag mutable for both directions, and only reads it here.
        let expected = UnsafeMutableRawPointer(mutating: tag.baseAddress)
        guard EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(tag.count), expected) == 1 else {
            throw SealingError(.library, "a cipher did not take the tag", cause: OpenSSLFailure.take())
        }
        var written: Int32 = 0
        var none: UInt8 = 0
        guard EVP_CipherFinal_ex(context, &none, &written) == 1 else {
            ERR_clear_error()
            throw SealingError(.authentication, "the seal does not open: altered bytes, or another key")
        }
    }
}
