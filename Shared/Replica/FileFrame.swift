internal import Sealing

/// What small files of a replica have around their body: a head with magic, version and length before it, a SHA-256
/// over both behind it. Big-endian. Layout.md has the offset table.
///
/// A file is checked here before a field of it is believed: what fails names the reason, and whoever owns the file says
/// what that means.
struct FileFrame: Sendable {
    /// Eight bytes.
    let magic: [UInt8]
    /// For errors: "a manifest".
    let kind: String

    private static let headBytes = 16
    private static let checksumBytes = 32

    init(magic: String, kind: String) {
        self.magic = Array(magic.utf8)
        self.kind = kind
        precondition(self.magic.count == 8, "a magic has eight bytes")
    }

    func encode(version: UInt16, body: [UInt8]) -> [UInt8] {
        var encoder = ByteEncoder()
        encoder.bytes += magic
        encoder.integer(version)
        encoder.integer(UInt16(0))
        encoder.integer(UInt32(body.count))
        encoder.bytes += body
        return encoder.bytes + SHA256Hasher.digest(of: encoder.bytes.span.bytes)
    }

    /// - Parameters:
    ///   - admit: throws when the version is not known. Called before anything behind it is looked at, because a later
    ///     version may have another frame.
    ///   - fault: makes the error to throw from a reason, here and for the body's fields.
    /// - Returns: the version, and the body to take fields from.
    func decode(
        _ bytes: [UInt8], admit: (UInt16) throws -> Void, fault: @escaping (String) -> ReplicaError
    ) throws -> (version: UInt16, body: ByteDecoder) {
        guard bytes.count >= Self.headBytes + Self.checksumBytes, bytes.starts(with: magic) else {
            throw fault("it does not begin as \(kind) does")
        }
        var head = ByteDecoder(bytes[magic.count..<Self.headBytes], fault: fault)
        let version: UInt16 = try head.integer()
        try admit(version)
        let reserved: UInt16 = try head.integer()
        let bodyBytes: UInt32 = try head.integer()
        guard reserved == 0 else { throw fault("reserved bytes are not zero") }
        guard Int(bodyBytes) == bytes.count - Self.headBytes - Self.checksumBytes else {
            throw fault("its length is not what it says")
        }
        let end = bytes.count - Self.checksumBytes
        guard SHA256Hasher.digest(of: bytes.span.bytes.extracting(..<end)) == Array(bytes[end...]) else {
            throw fault("its checksum does not hold")
        }
        return (version, ByteDecoder(bytes[Self.headBytes..<end], fault: fault))
    }
}
