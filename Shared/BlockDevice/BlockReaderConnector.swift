/// Makes readers from the addresses that a capture hands out. Services take one, so that tests can give another.
package protocol BlockReaderConnector: Sendable {
    /// Opens the export at `uri`: `nbd+unix:///vda?socket=/path`, `nbd://host:port/vda`, or `memory:…` in tests.
    ///
    /// `contexts` are the bitmap contexts that `changedExtents` will name (`qemu:dirty-bitmap:…`); the allocation
    /// context is always asked for. A context that the server does not offer is an error here, not later.
    func connect(uri: String, contexts: [String]) async throws -> any BlockReader
}

/// Names of NBD metadata contexts.
package enum BlockContext {
    /// Which stretches hold data and which read as zeros.
    package static let allocation = "base:allocation"

    /// The context under which QEMU exports a dirty bitmap.
    package static func dirtyBitmap(_ name: String) -> String { "qemu:dirty-bitmap:\(name)" }
}
