import Messages

/// Who speaks in a walk.
enum WalkPeer: Hashable, Sendable {
    case vault, policy, orchestrator, person
    case host(Int)
}

/// One request as it travels, in the words of the wire.
struct WalkQuestion {
    var number: Int
    var from: WalkPeer
    var to: WalkPeer
    var body: Envelope.OneOf_Body
    var generation: UInt64
    /// 16 bytes, the same whenever the request comes.
    var operation: [UInt8]
    var deadlineMilliseconds: Int64
}

typealias WalkReply = Result<Envelope.OneOf_Body, RemoteError>
