internal import COpenSSL

/// Unpredictable bytes for keys, salts and identifiers.
package enum SecureRandom {
    package static func bytes(_ count: Int) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            try fill(UnsafeMutableRawBufferPointer(buffer))
            initialized = count
        }
    }

    static func fill(_ buffer: UnsafeMutableRawBufferPointer) throws {
        precondition(buffer.count <= Int(Int32.max), "random bytes are taken in small amounts")
        guard RAND_bytes(buffer.baseAddress, Int32(buffer.count)) == 1 else {
            throw SealingError(.library, "the random source gave nothing", cause: OpenSSLFailure.take())
        }
    }
}
