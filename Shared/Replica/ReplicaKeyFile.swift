import Glibc
internal import Sealing

/// The key that everything in the journal is sealed under: 32 bytes in a file that only its owner can read.
enum ReplicaKeyFile {
    static func create(_ layout: ReplicaLayout) throws -> SealingKey {
        let key = try SealingKey.random()
        let bytes = key.withUnsafeBytes { Array($0) }
        try DurableFiles.write(bytes, to: layout.key, mode: 0o600)
        return key
    }

    static func read(_ layout: ReplicaLayout) throws -> SealingKey {
        let bytes = try DurableFiles.read(layout.key, limit: SealingKey.byteCount)
        guard bytes.count == SealingKey.byteCount else {
            throw ReplicaError(
                .corruptData, "the replica's key is not whole", remedy: "Restore it from a copy of the directory.",
                facts: ["path": layout.key, "bytes": "\(bytes.count)"])
        }
        return try SealingKey(bytes: bytes)
    }
}
