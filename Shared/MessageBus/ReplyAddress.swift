/// Where an answer goes: a connection, and whether it speaks like a REQ socket, with an empty frame before the
/// envelope.
struct ReplyAddress: Hashable, Sendable {
    let peer: PeerIdentity
    let hasEmptyFrame: Bool

    func frames(_ envelope: [UInt8]) -> [[UInt8]] {
        hasEmptyFrame ? [peer.bytes, [], envelope] : [peer.bytes, envelope]
    }
}
