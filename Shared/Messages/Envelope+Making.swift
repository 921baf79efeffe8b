internal import SwiftProtobuf

extension Bascule_V1_Envelope {
    /// The one protocol version that is spoken.
    package static let currentVersion: UInt32 = 1

    /// A request. `timeLeft` is what remains of the caller's deadline; it travels in whole milliseconds, at least 1.
    package static func request(
        _ body: OneOf_Body, operation: OperationIdentifier, timeLeft: Duration, generation: UInt64 = 0,
        trace: String = "", sender: String
    ) -> Envelope {
        var envelope = Envelope()
        envelope.protocolVersion = currentVersion
        envelope.operationID = operation.bytes
        envelope.timeLeftMs = timeLeft.wireMilliseconds
        envelope.generation = generation
        envelope.trace = trace
        envelope.sender = sender
        envelope.body = body
        return envelope
    }

    /// The answer to this request: its operation identifier, generation and trace come back.
    package func reply(_ body: OneOf_Body, sender: String) -> Envelope {
        var envelope = Envelope()
        envelope.protocolVersion = Self.currentVersion
        envelope.operationID = operationID
        envelope.generation = generation
        envelope.trace = trace
        envelope.sender = sender
        envelope.body = body
        return envelope
    }

    /// An answer, event or heartbeat that belongs to no request: 16 zero bytes as its operation identifier.
    package static func unsolicited(_ body: OneOf_Body, sender: String) -> Envelope {
        var envelope = Envelope()
        envelope.protocolVersion = currentVersion
        envelope.operationID = OperationIdentifier(high: 0, low: 0).bytes
        envelope.sender = sender
        envelope.body = body
        return envelope
    }

    /// Traps when the envelope cannot be encoded, because only a missing required field or 2 GiB could cause that,
    /// and bascule.v1 has no required fields while limits keep bodies far below.
    package func encoded() -> [UInt8] {
        do {
            return try serializedBytes()
        } catch {
            preconditionFailure("an envelope could not be encoded: \(error)")
        }
    }
}

extension Duration {
    /// Rounded up to whole milliseconds, from 1 to `UInt32.max`, because 0 would mean "no deadline given".
    package var wireMilliseconds: UInt32 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 1 }
        guard seconds < 4_000_000 else { return .max }
        let milliseconds = seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        return UInt32(clamping: max(1, milliseconds))
    }
}
