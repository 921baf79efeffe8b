internal import CZeroMQ

/// The one place where sockets are made, so that every option is chosen here and security has one door to come in by.
struct SocketFactory: Sendable {
    enum Role {
        case requestServer
        case requestClient
        case publisher(PublisherLimits)
        case subscriber
        case bulkServer
        case bulkChannel
    }

    let context: ZeroMQContext

    func bind(_ role: Role, at endpoint: String) throws(MessageBusError) -> ZeroMQSocket {
        let socket = try make(role, endpoint: endpoint)
        do throws(MessageBusError) {
            try socket.bind(endpoint)
            return socket
        } catch {
            socket.close()
            throw error
        }
    }

    /// Connects at once when the endpoint needs no looking up, else when its owner has had its name looked up
    /// (`PeerAddress`). `name` is unique within the context.
    func connect(_ role: Role, to endpoint: String, name: String) throws(MessageBusError) -> MonitoredSocket {
        let socket = try make(role, endpoint: endpoint)
        do throws(MessageBusError) {
            let monitor = try monitor(socket, name: name)
            do throws(MessageBusError) {
                // Watched before it connects, so that no report is missed.
                if case .fixed(let endpoint) = PeerEndpoint(endpoint) { try socket.connect(endpoint) }
            } catch {
                monitor.close()
                throw error
            }
            return MonitoredSocket(socket: socket, monitor: monitor)
        } catch {
            socket.close()
            throw error
        }
    }

    private func monitor(_ socket: borrowing ZeroMQSocket, name: String) throws(MessageBusError) -> ZeroMQSocket {
        let endpoint = "inproc://monitor-\(name)"
        try socket.startMonitor(at: endpoint)
        guard let pointer = zmq_socket(context.pointer, ZMQ_PAIR) else { throw .last("A monitor could not be made") }
        let monitor = ZeroMQSocket(pointer: pointer)
        do throws(MessageBusError) {
            try monitor.set(ZMQ_LINGER, 0)
            try monitor.set(ZMQ_RCVHWM, Self.monitorHighWaterMark)
            try monitor.connect(endpoint)
            return monitor
        } catch {
            monitor.close()
            throw error
        }
    }

    /// Events of one connection: a handful per reconnection.
    private static let monitorHighWaterMark: Int32 = 1000
    /// Of a control connection, one direction. Beyond it a reply is dropped (the caller asks again) and a request
    /// waits in the client, which is bounded by its own limit.
    static let controlHighWaterMark: Int32 = 10_000
    /// Above what credit allows (window ÷ smallest cost), so that credit is what limits.
    static let bulkHighWaterMark: Int32 = 40_000
    /// What may still be sent after close: last replies, and "abandon".
    private static let lingerMilliseconds: Int32 = 500

    private func make(_ role: Role, endpoint: String) throws(MessageBusError) -> ZeroMQSocket {
        guard endpoint.hasPrefix("tcp://") || endpoint.hasPrefix("ipc://") else {
            throw MessageBusError(
                .badEndpoint, "The endpoint's transport is neither tcp nor ipc.",
                remedy: "Write it as tcp://address:port or ipc:///path.", endpoint: endpoint)
        }
        let kind =
            switch role {
            case .requestServer, .bulkServer: ZMQ_ROUTER
            case .requestClient, .bulkChannel: ZMQ_DEALER
            case .publisher: ZMQ_PUB
            case .subscriber: ZMQ_SUB
            }
        guard let pointer = zmq_socket(context.pointer, kind) else {
            throw .last("A socket could not be made", endpoint: endpoint)
        }
        let socket = ZeroMQSocket(pointer: pointer)
        do throws(MessageBusError) {
            try setCommonOptions(socket)
            try setOptions(of: role, socket)
            return socket
        } catch {
            socket.close()
            throw error
        }
    }

    private func setCommonOptions(_ socket: borrowing ZeroMQSocket) throws(MessageBusError) {
        try socket.set(ZMQ_LINGER, Self.lingerMilliseconds)
        try socket.set(ZMQ_HANDSHAKE_IVL, ConnectionTimes.handshakeMilliseconds)
        try socket.set(ZMQ_CONNECT_TIMEOUT, 3000)
        try socket.set(ZMQ_RECONNECT_IVL, ConnectionTimes.reconnectMilliseconds)
        try socket.set(ZMQ_RECONNECT_IVL_MAX, ConnectionTimes.reconnectMaximumMilliseconds)
        try socket.set(ZMQ_BACKLOG, 256)
        // A dead host behind an idle connection is noticed by the kernel after 30 + 3 × 5 s at the latest.
        try socket.set(ZMQ_TCP_KEEPALIVE, 1)
        try socket.set(ZMQ_TCP_KEEPALIVE_IDLE, 30)
        try socket.set(ZMQ_TCP_KEEPALIVE_INTVL, 5)
        try socket.set(ZMQ_TCP_KEEPALIVE_CNT, 3)
    }

    private func setOptions(of role: Role, _ socket: borrowing ZeroMQSocket) throws(MessageBusError) {
        switch role {
        case .requestServer:
            try setControlOptions(socket, sendHighWaterMark: Self.controlHighWaterMark)
            // Unroutable replies are counted instead of vanishing inside libzmq.
            try socket.set(ZMQ_ROUTER_MANDATORY, 1)
        case .requestClient:
            try setControlOptions(socket, sendHighWaterMark: Self.controlHighWaterMark)
            // Not ZMQ_IMMEDIATE: with it libzmq 4.3 throws away replies that arrived just before a disconnect. Requests
            // wait in our own queue instead, until the monitor reports a connection.
            try socket.set(ZMQ_IMMEDIATE, 0)
        case .publisher(let limits):
            try setControlOptions(socket, sendHighWaterMark: limits.eventsWaitingPerSubscriber)
        case .subscriber:
            try setControlOptions(socket, sendHighWaterMark: Self.controlHighWaterMark)
            try socket.subscribeToEverything()
        case .bulkServer:
            try setBulkOptions(socket)
            try socket.set(ZMQ_ROUTER_MANDATORY, 1)
        case .bulkChannel:
            try setBulkOptions(socket)
            try socket.set(ZMQ_IMMEDIATE, 0)
        }
    }

    private func setControlOptions(
        _ socket: borrowing ZeroMQSocket, sendHighWaterMark: Int32
    ) throws(MessageBusError) {
        try socket.set(ZMQ_SNDHWM, sendHighWaterMark)
        try socket.set(ZMQ_RCVHWM, Self.controlHighWaterMark)
        try socket.setLong(ZMQ_MAXMSGSIZE, Int64(FrameLimits.controlFrameBytes))
        // ZMTP's own heartbeat closes half-open connections, so that a client reconnects by itself.
        try socket.set(ZMQ_HEARTBEAT_IVL, ConnectionTimes.heartbeatMilliseconds)
        try socket.set(ZMQ_HEARTBEAT_TIMEOUT, ConnectionTimes.heartbeatLimitMilliseconds)
    }

    private func setBulkOptions(_ socket: borrowing ZeroMQSocket) throws(MessageBusError) {
        try socket.set(ZMQ_SNDHWM, Self.bulkHighWaterMark)
        try socket.set(ZMQ_RCVHWM, Self.bulkHighWaterMark)
        try socket.setLong(ZMQ_MAXMSGSIZE, Int64(FrameLimits.bulkFrameBytes))
        // No ZMTP heartbeat: behind 32 MiB on a slow link it would come too late and cut a healthy transfer. The
        // bulk protocol has its own, for which records count.
        try socket.set(ZMQ_HEARTBEAT_IVL, 0)
    }
}
