/// Bulk frames on their way to the socket, in order. Bounded by the transfer's credit and a few frames of control.
struct BulkOutbox: Sendable {
    private struct Frame {
        let header: [UInt8]
        let body: SharedFrame
    }

    private var frames: [Frame] = []

    var isEmpty: Bool { frames.isEmpty }

    mutating func add(_ header: BulkFrameHeader, _ body: SharedFrame) {
        var header = header
        header.bodyLength = UInt64(body.count)
        frames.append(Frame(header: header.encoded, body: body))
    }

    mutating func removeAll() { frames = [] }

    /// Gives the socket what it takes now; true when that was anything. A frame that is lost in its middle stays, and
    /// the report of the disconnect decides.
    mutating func flush(_ send: (_ header: [UInt8], _ body: SharedFrame) -> ZeroMQSocket.SendOutcome?) -> Bool {
        let sent = frames.prefix { frame in
            if case .sent = send(frame.header, frame.body) { true } else { false }
        }.count
        frames.removeFirst(sent)
        return sent > 0
    }
}
