package import Logging
package import Messages
import Synchronization

/// The way services speak: request and reply, events, and bulk transfer, all on one libzmq context.
///
///     caller ── RequestClient (DEALER) ───────────► RequestServer (ROUTER) ── handler
///     vault  ── EventPublisher (PUB) ─────────────► EventSubscription (SUB)
///     worker ── BulkChannel (DEALER) ═ records ═══► BulkServer (ROUTER) ── BulkTransferHandler
///
/// Sockets are made in `SocketFactory` and nowhere else. Names of peers are looked up apart from them, so a name server that
/// keeps silent holds up nobody else; see `PeerAddressStateMachine`. Control sockets share one thread; each bulk server and each
/// bulk channel has its own, so that a stream of records never delays a heartbeat. The bounds of everything are in
/// `MessageBusLimits.swift`.
package final class MessageBus: Sendable {
    /// `service/name`; travels as `sender`, for logs only.
    package let name: String
    private let logger: Logger
    private let resolver: NameResolver
    private let context = ZeroMQContext()
    private let endpoints = OpenEndpoints()
    private let monitorNumber = Atomic(UInt64(0))
    private let ended = OneTimeSignal()

    package init(name: String, logger: Logger, resolver: NameResolver = .system) {
        AllocatorSettings.apply
        OpenFiles.allowMore
        self.name = name
        self.logger = logger
        self.resolver = resolver
    }

    /// Binds a ROUTER and answers requests until it is stopped. Returns when it is bound; `endpoint` of the answer is
    /// the resolved one (`tcp://127.0.0.1:*` becomes a number).
    ///
    /// The handler runs off the socket thread, several at once. It throws `RemoteError` to answer an error; any other
    /// error is logged and answered as INTERNAL. Heartbeats, bad envelopes and repeated operation identifiers never
    /// reach it.
    package func serve(
        at endpoint: String, limits: RequestServerLimits = .init(),
        handler: @escaping @Sendable @concurrent (IncomingRequest) async throws -> Envelope.OneOf_Body
    ) async throws -> RequestServer {
        let thread = try await controlThread()
        let socket = try await bind(.requestServer, at: endpoint)
        let bound = socket.boundEndpoint
        let core = RequestServerCore(
            name: name, thread: thread, socket: socket, limits: limits, logger: logger, handler: handler)
        await core.start()
        return RequestServer(endpoint: bound, core: core, lifetime: try await keep { await core.stop() })
    }

    /// Connects a DEALER. Succeeds when nobody listens there yet: calls then wait for the server until their deadline.
    package func client(to endpoint: String, limits: RequestClientLimits = .init()) async throws -> RequestClient {
        let thread = try await controlThread()
        let socket = try factory.connect(.requestClient, to: endpoint, name: nextMonitorName())
        let core = RequestClientCore(
            name: name, endpoint: endpoint, address: address(of: endpoint), thread: thread, socket: socket,
            limits: limits, logger: logger)
        await core.start()
        let lifetime = try await keep { await core.close() }
        return RequestClient(endpoint: endpoint, name: name, core: core, lifetime: lifetime)
    }

    /// Binds a PUB. `position` is the number of the newest event that exists already, so that a subscriber that missed
    /// it while the service was down learns so from the first heartbeat.
    package func publisher(
        at endpoint: String, position: EventPosition? = nil, limits: PublisherLimits = .init()
    ) async throws -> EventPublisher {
        let thread = try await controlThread()
        let socket = try await bind(.publisher(limits), at: endpoint)
        let bound = socket.boundEndpoint
        let core = PublisherCore(name: name, thread: thread, socket: socket, position: position, limits: limits)
        await core.start()
        return EventPublisher(
            endpoint: bound, name: name, core: core, lifetime: try await keep { await core.stop() })
    }

    /// Connects a SUB to everything that is published there.
    package func subscribe(to endpoint: String, limits: SubscriberLimits = .init()) async throws -> EventSubscription {
        let thread = try await controlThread()
        let socket = try factory.connect(.subscriber, to: endpoint, name: nextMonitorName())
        let (stream, output) = AsyncStream.makeStream(
            of: Envelope.self, bufferingPolicy: .bufferingNewest(limits.envelopesWaiting))
        let core = SubscriberCore(
            endpoint: endpoint, address: address(of: endpoint), thread: thread, socket: socket, limits: limits,
            output: output, logger: logger)
        await core.start()
        return EventSubscription(
            endpoint: endpoint, core: core, stream: stream, lifetime: try await keep { await core.close() })
    }

    /// Binds a bulk ROUTER. One per agent; transfers are told apart by their token.
    package func bulkServer(
        at endpoint: String, limits: BulkServerLimits = .init(), handler: any BulkServerHandler
    ) async throws -> BulkServer {
        let thread = try await ownThread("bulk-server")
        let core: BulkServerCore
        let bound: String
        do {
            let socket = try await bind(.bulkServer, at: endpoint)
            bound = socket.boundEndpoint
            core = BulkServerCore(thread: thread, socket: socket, limits: limits, handler: handler, logger: logger)
        } catch {
            await thread.stop()
            throw error
        }
        await core.start()
        return BulkServer(endpoint: bound, core: core, lifetime: try await keep { await core.stopWithThread() })
    }

    /// Connects a bulk DEALER: one per transfer.
    package func bulkChannel(to endpoint: String, limits: BulkChannelLimits = .init()) async throws -> BulkChannel {
        let thread = try await ownThread("bulk-channel")
        let core: BulkChannelCore
        do throws(MessageBusError) {
            let socket = try factory.connect(.bulkChannel, to: endpoint, name: nextMonitorName())
            core = BulkChannelCore(
                endpoint: endpoint, address: address(of: endpoint), thread: thread, socket: socket, limits: limits,
                logger: logger)
        } catch {
            await thread.stop()
            throw error
        }
        await core.start()
        return BulkChannel(endpoint: endpoint, core: core, lifetime: try await keep { await core.closeWithThread() })
    }

    /// Stops everything made from this bus and waits for it: calls under way fail with UNAVAILABLE, handlers are
    /// cancelled and awaited, threads have ended when this returns. Repeating it waits as well.
    package func shutdown() async {
        guard let open = endpoints.shutDown() else { return await ended.wait() }
        for stop in open.stops { await stop() }
        await open.thread?.stop()
        await context.terminate()
        ended.fire()
    }

    // MARK: Making

    private var factory: SocketFactory { SocketFactory(context: context) }

    /// A port that is in use is tried for a while: libzmq gives one back some time after its socket was closed, and a child
    /// process has copies of all descriptors from its start until it executes its program, also when its parent was killed
    /// meanwhile.
    private func bind(_ role: SocketFactory.Role, at endpoint: String) async throws -> ZeroMQSocket {
        let deadline = ContinuousClock.now + BindTimes.patience
        while true {
            do throws(MessageBusError) {
                return try factory.bind(role, at: endpoint)
            } catch {
                guard error.code == .addressInUse, ContinuousClock.now < deadline else { throw error }
            }
            try await Task.sleep(for: BindTimes.pause)
            // The context is gone when the bus was shut down meanwhile.
            _ = try endpoints.controlThread()
        }
    }

    private func address(of endpoint: String) -> PeerAddress {
        PeerAddress(of: endpoint, resolver: resolver, logger: logger)
    }

    private func nextMonitorName() -> String {
        "\(monitorNumber.wrappingAdd(1, ordering: .relaxed).newValue)"
    }

    private func controlThread() async throws -> SocketThread {
        if let thread = try endpoints.controlThread() { return thread }
        let thread = try await SocketThread.start(name: "bus")
        // Another caller may have started one meanwhile; the first that is put down stays.
        let kept = endpoints.keep(thread)
        if kept !== thread { await thread.stop() }
        guard let kept else { throw OpenEndpoints.shutDownError }
        return kept
    }

    private func ownThread(_ name: String) async throws -> SocketThread {
        _ = try endpoints.controlThread()
        return try await SocketThread.start(name: name)
    }

    /// Remembers how to stop what was just made; when the bus was shut down meanwhile, stops it at once.
    private func keep(_ stop: @escaping @Sendable () async -> Void) async throws -> EndpointLifetime {
        guard let number = endpoints.add(stop) else {
            await stop()
            throw OpenEndpoints.shutDownError
        }
        return EndpointLifetime(endpoints: endpoints, number: number)
    }
}
