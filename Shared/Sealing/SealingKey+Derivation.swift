internal import COpenSSL
package import FoundationEssentials

extension SealingKey {
    package static let saltByteCount = 32

    /// What a derived key is for. Its name is part of the derivation, so that keys of two purposes never coincide.
    package enum Purpose: String, Sendable {
        /// Seals the records of one opening of one cycle. It is handed to the workers.
        case records = "bascule/records/1"
        /// Seals the header and the trailer of one delta log file. It never leaves the target host.
        case metadata = "bascule/metadata/1"
    }

    /// HKDF-SHA-256 (RFC 5869): `info` is the purpose's name, the protection's 16 bytes and the cycle as 8 bytes,
    /// most significant first. A fresh random `salt` (32 bytes) makes the key unique, and with it every nonce.
    package static func derive(
        from replicaKey: SealingKey, for purpose: Purpose, protection: UUID, cycle: UInt64, salt: [UInt8]
    ) throws -> SealingKey {
        guard salt.count == saltByteCount else {
            throw SealingError(.invalidLength, "a salt has \(saltByteCount) bytes, not \(salt.count)")
        }
        var info = Array(purpose.rawValue.utf8)
        Swift.withUnsafeBytes(of: protection.uuid) { info.append(contentsOf: $0) }
        Swift.withUnsafeBytes(of: cycle.bigEndian) { info.append(contentsOf: $0) }
        return try SealingKey { output in
            try replicaKey.withUnsafeBytes { try extractAndExpand(key: $0, salt: salt, info: info, into: output) }
        }
    }

    /// The key that the workers of one opening of a cycle seal with.
    package static func deriveCycleKey(
        replicaKey: SealingKey, protection: UUID, cycle: UInt64, salt: [UInt8]
    ) throws -> SealingKey {
        try derive(from: replicaKey, for: .records, protection: protection, cycle: cycle, salt: salt)
    }

    static func extractAndExpand(
        key: UnsafeRawBufferPointer, salt: [UInt8], info: [UInt8], into output: UnsafeMutableRawBufferPointer
    ) throws {
        let context = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nil)
        defer { EVP_PKEY_CTX_free(context) }
        var length = output.count
        guard
            context != nil,
            EVP_PKEY_derive_init(context) == 1,
            EVP_PKEY_CTX_set_hkdf_md(context, EVP_sha256()) == 1,
            EVP_PKEY_CTX_set1_hkdf_salt(context, salt, Int32(salt.count)) == 1,
            EVP_PKEY_CTX_set1_hkdf_key(context, key.bindMemory(to: UInt8.self).baseAddress, Int32(key.count)) == 1,
            EVP_PKEY_CTX_add1_hkdf_info(context, info, Int32(info.count)) == 1,
            EVP_PKEY_derive(context, output.bindMemory(to: UInt8.self).baseAddress, &length) == 1,
            length == output.count
        else {
            throw SealingError(.library, "a key could not be derived", cause: OpenSSLFailure.take())
        }
    }
}
