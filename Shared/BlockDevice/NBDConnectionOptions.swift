/// How to speak to an NBD server.
package struct NBDConnectionOptions: Sendable, Hashable {
    /// Connections per disk when the server promises that all show the same bytes.
    package let connections: Int
    package let connectTimeout: Duration
    package let stallTimeout: Duration

    package init(
        connections: Int = BlockDeviceLimits.defaultConnections,
        connectTimeout: Duration = BlockDeviceLimits.defaultConnectTimeout,
        stallTimeout: Duration = BlockDeviceLimits.defaultStallTimeout
    ) {
        precondition(BlockDeviceLimits.connections.contains(connections))
        self.connections = connections
        self.connectTimeout = connectTimeout
        self.stallTimeout = stallTimeout
    }
}
