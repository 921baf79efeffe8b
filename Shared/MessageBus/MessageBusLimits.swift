// Every bound of the bus, and what happens when it is reached. The numbers are repeated in Protocol.md, "Timers" and
// "Back-pressure"; change both together.

/// Of one bound request endpoint.
package struct RequestServerLimits: Sendable {
    /// Requests being handled at once. A further one is answered RESOURCE_EXHAUSTED with `facts["bus"] = "full"` and
    /// not remembered: the caller's bus repeats it until the deadline.
    package var requestsInFlight = 256
    /// Of one connection, because one caller must not take every place. Answered the same way.
    package var requestsInFlightPerPeer = 128
    /// Answers kept for repeated operation identifiers. The oldest is forgotten first: repeating that request acts
    /// again, which is why every command is also safe to repeat by its own meaning.
    package var rememberedReplies = 4096
    /// Bytes of those answers together. An answer larger than a quarter of this is not kept.
    package var rememberedReplyBytes = 8 << 20
    /// Connections that wait for the same operation. Beyond it the oldest waiter is forgotten and must ask again.
    package var waitersPerOperation = 8
    /// A caller that gives no deadline gets this one.
    package var defaultDeadline: Duration = .seconds(60)
    /// A longer deadline is shortened to this.
    package var longestDeadline: Duration = .seconds(3600)
    /// How long a stop waits for handlers before it cancels them.
    package var stopGrace: Duration = .seconds(2)

    package init() {}
}

/// Of one connected client.
package struct RequestClientLimits: Sendable {
    /// Calls under way at once. A further one throws RESOURCE_EXHAUSTED at once, without being sent.
    package var callsInFlight = 1024
    /// The first repetition of an unanswered request; each further one waits twice as long, up to `longestRetry`.
    package var firstRetry: Duration = .seconds(1)
    package var longestRetry: Duration = .seconds(8)
    /// Silence after which a heartbeat is sent.
    package var heartbeatInterval: Duration = .seconds(2)
    /// Silence after which the server counts as gone (`liveness`). Calls under way keep trying until their deadline.
    package var silenceLimit: Duration = .seconds(7)

    package init() {}
}

/// Of one bound event endpoint.
package struct PublisherLimits: Sendable {
    /// Events that wait for one slow subscriber. Beyond it that subscriber misses events, sees the gap in the numbers
    /// and takes a new snapshot.
    package var eventsWaitingPerSubscriber: Int32 = 10_000
    /// After this long without an event the newest number is repeated, so that a lost last event is noticed.
    package var heartbeatInterval: Duration = .seconds(2)

    package init() {}
}

/// Of one subscription.
package struct SubscriberLimits: Sendable {
    /// Envelopes that wait for the reader. Beyond it the oldest are dropped, which shows as a gap in the numbers.
    package var envelopesWaiting = 10_000
    /// Silence after which the publisher counts as gone (`liveness`).
    package var silenceLimit: Duration = .seconds(7)

    package init() {}
}

/// Of one bound bulk endpoint.
package struct BulkServerLimits: Sendable {
    /// Credit given to one transfer: record bytes that may be under way or waiting to be stored.
    package var windowBytes = 32 << 20
    /// Credit of all transfers together; see `windowShare`.
    package var windowBytesOfAllTransfers = 128 << 20
    /// A transfer gets at most this part of what is left, because the first ones would else take it from the last.
    package var windowShare = 6
    /// When less than this is left a new transfer is refused with RESOURCE_EXHAUSTED, retryable. It holds the largest
    /// frame beside the eighth of the window that is not given back yet.
    package var smallestWindowBytes = 5 << 19
    /// Transfers at once, one thread each. A further one is refused the same way.
    package var transfers = 32
    /// A transfer that was sent nothing for this long is sent a heartbeat.
    package var heartbeatInterval: Duration = .seconds(3)
    /// A peer from which nothing came for this long has vanished; its transfer ends.
    package var silenceLimit: Duration = .seconds(20)
    /// Hash requests of one transfer that wait for their answer. A further one breaks the protocol.
    package var hashRequestsWaiting = 16
    /// Credit is given back in pieces of this size, or an eighth of the window if that is less, because a frame per
    /// record would cost more than the record's own.
    package var creditPieceBytes = 2 << 20

    package init() {}
}

/// Of one bulk channel.
package struct BulkChannelLimits: Sendable {
    /// Silence after which a heartbeat is sent.
    package var heartbeatInterval: Duration = .seconds(3)
    /// A receiver from which nothing came for this long is gone: everything throws UNAVAILABLE.
    package var silenceLimit: Duration = .seconds(15)
    /// How long `open` waits for the receiver to be there and to welcome the transfer.
    package var openDeadline: Duration = .seconds(10)
    /// Callers that wait for credit. A further one traps, because only our own code calls it and one sender is usual.
    package var sendersWaiting = 64

    package init() {}
}

/// Of the name of one peer that is connected to.
struct NameLimits: Sendable {
    /// How long an answer is waited for before the name is asked for anew. A late answer is still taken.
    var answerLimit: Duration = .seconds(3)
    /// After a name was not found it is looked up again; each further pause is twice as long, up to `longestPause`.
    var firstPause: Duration = .milliseconds(500)
    var longestPause: Duration = .seconds(2)
    /// A peer that cannot be reached for this long may have another address: its name is looked up again.
    var connectLimit: Duration = .seconds(3)
}

/// Of the system's resolver, shared by all buses of a process.
struct SystemLookupLimits: Sendable {
    /// Look-ups under way at once, one thread each. A further one fails at once, and is repeated after its pause.
    var lookups = 64
    /// The same of one name, because a name server that keeps silent about one must not use up the threads of all.
    var lookupsOfOneName = 8
}

/// Bounds of the frames themselves, the same everywhere.
package enum FrameLimits {
    /// One control envelope. libzmq closes a connection that announces a larger frame.
    package static let controlFrameBytes = 16 << 20
    /// One bulk frame: a record holds at most 1 MiB of data and its own header.
    package static let bulkFrameBytes = 2 << 20
    /// Bytes of one hash request, so that its answer fits a frame and an agent's time.
    package static let hashRequestBytes: UInt64 = 64 << 20
    /// What a record costs of the credit at least, because a flood of tiny records costs memory too.
    package static let smallestRecordCost = 1024
}

/// How long a caller waits that says nothing else.
package enum UsualDeadlines {
    package static let request: Duration = .seconds(10)
    /// Of a channel: for the hashes of one request, and for what was sent to be stored.
    package static let hashes: Duration = .seconds(60)
    package static let stored: Duration = .seconds(120)
}

/// What libzmq does by itself on every connection, in milliseconds.
package enum ConnectionTimes {
    /// A peer that does not speak ZeroMQ is cut off after this.
    package static let handshakeMilliseconds: Int32 = 5_000
    /// Of control sockets: how often ZMTP asks, and after how long without an answer the connection is closed.
    package static let heartbeatMilliseconds: Int32 = 3_000
    package static let heartbeatLimitMilliseconds: Int32 = 9_000
    /// The first pause before a connection is made again, and the longest.
    package static let reconnectMilliseconds: Int32 = 100
    package static let reconnectMaximumMilliseconds: Int32 = 2_000
}

/// What the bus does when the port that it is to listen at is in use.
package enum BindTimes {
    /// How long it is tried for.
    package static let patience: Duration = .seconds(2)
    static let pause: Duration = .milliseconds(10)
}
