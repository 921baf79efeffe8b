package import Logging
package import Messages

/// The way services speak: request and reply, events, and bulk transfer, all on one libzmq context.
///
///     caller ── RequestClient (DEALER) ───────────► RequestServer (ROUTER) ── handler
///     vault  ── EventPublisher (PUB) ─────────────► EventSubscription (SUB)
///     worker ── BulkChannel (DEALER) ═ records ═══► BulkServer (ROUTER) ── BulkTransferHandler
///
/// Sockets are made in `SocketFactory` and nowhere else. Control sockets share one thread; each bulk server and each
/// bulk channel has its own, so that a stream of records never delays a heartbeat. The bounds of everything are in
/// `MessageBusLimits.swift`.
package final class MessageBus: Sendable {
    /// `service/name`; travels as `sender`, for logs only.
    package let name: String
    let logger: Logger

    package init(name: String, logger: Logger) {
        self.name = name
        self.logger = logger
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
        fatalError("not built yet")
    }

    /// Connects a DEALER. Succeeds when nobody listens there yet: calls then wait for the server until their deadline.
    package func client(to endpoint: String, limits: RequestClientLimits = .init()) async throws -> RequestClient {
        fatalError("not built yet")
    }

    /// Binds a PUB. `position` is the number of the newest event that exists already, so that a subscriber that missed
    /// it while the service was down learns so from the first heartbeat.
    package func publisher(
        at endpoint: String, position: EventPosition? = nil, limits: PublisherLimits = .init()
    ) async throws -> EventPublisher {
        fatalError("not built yet")
    }

    /// Connects a SUB to everything that is published there.
    package func subscribe(to endpoint: String, limits: SubscriberLimits = .init()) async throws -> EventSubscription {
        fatalError("not built yet")
    }

    /// Binds a bulk ROUTER. One per agent; transfers are told apart by their token.
    package func bulkServer(
        at endpoint: String, limits: BulkServerLimits = .init(), handler: any BulkServerHandler
    ) async throws -> BulkServer {
        fatalError("not built yet")
    }

    /// Connects a bulk DEALER: one per transfer.
    package func bulkChannel(to endpoint: String, limits: BulkChannelLimits = .init()) async throws -> BulkChannel {
        fatalError("not built yet")
    }

    /// Stops everything made from this bus and waits for it: calls under way fail with UNAVAILABLE, handlers are
    /// cancelled and awaited, threads have ended when this returns. Repeating it does nothing.
    package func shutdown() async {
        fatalError("not built yet")
    }
}
