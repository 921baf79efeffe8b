/// Opens NBD exports.
package struct NBDConnector: BlockReaderConnector {
    private let options: NBDConnectionOptions

    package init(options: NBDConnectionOptions = NBDConnectionOptions()) {
        self.options = options
    }

    package func connect(uri: String, contexts: [String]) async throws -> any BlockReader {
        guard ["nbd://", "nbd+unix://"].contains(where: uri.hasPrefix) else {
            throw BlockDeviceError(
                .invalidAddress, "\(uri) is not the address of an NBD export.",
                remedy: "Give nbd://host:port/name or nbd+unix:///name?socket=path.")
        }
        return try await NBDBlockReader.open(uri: uri, contexts: contexts, options: options)
    }
}
