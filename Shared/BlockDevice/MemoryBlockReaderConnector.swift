import Synchronization

/// Knows disks in memory by address (`memory:…`), so that a driver in memory and a worker can meet in one process.
package final class MemoryBlockReaderConnector: BlockReaderConnector {
    private struct Export {
        let bytes: SparseBytes
        let dirtyBlocks: [String: Set<UInt64>]
        let failure: @Sendable (Range<UInt64>) -> BlockDeviceError?
    }

    private let exports = Mutex<[String: Export]>([:])

    package init() {}

    /// Makes `bytes`, as they are now, readable at `uri`.
    package func export(
        _ bytes: SparseBytes, dirtyBlocks: [String: Set<UInt64>] = [:], at uri: String,
        failure: @escaping @Sendable (Range<UInt64>) -> BlockDeviceError? = { _ in nil }
    ) {
        exports.withLock { $0[uri] = Export(bytes: bytes, dirtyBlocks: dirtyBlocks, failure: failure) }
    }

    package func withdraw(_ uri: String) {
        exports.withLock { _ = $0.removeValue(forKey: uri) }
    }

    /// Addresses that are readable now; empty when nothing was left behind.
    package var exportedURIs: Set<String> { exports.withLock { Set($0.keys) } }

    package func connect(uri: String, contexts: [String]) async throws -> any BlockReader {
        guard let export = exports.withLock({ $0[uri] }) else {
            throw BlockDeviceError(.connectFailed, "Nothing is exported at \(uri).")
        }
        for context in contexts where export.dirtyBlocks[context] == nil {
            throw BlockDeviceError(.contextMissing, "The disk in memory has no context \(context).")
        }
        return MemoryBlockReader(
            export.bytes, dirtyBlocks: export.dirtyBlocks,
            failure: { [self] range in
                // An export that was withdrawn is a server that died: what is connected fails too.
                guard exports.withLock({ $0[uri] != nil }) else {
                    return BlockDeviceError(.connectionLost, "The export at \(uri) went away.")
                }
                return export.failure(range)
            })
    }
}
