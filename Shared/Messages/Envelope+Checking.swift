internal import SwiftProtobuf

extension Bascule_V1_Envelope {
    /// Reads and checks the last frame of a control message: parses, version 1, 16-byte identifier, a body.
    package static func decode(_ frame: [UInt8]) throws(EnvelopeFault) -> Envelope {
        let envelope: Envelope
        do {
            envelope = try Envelope(serializedBytes: frame)
        } catch {
            throw .notAnEnvelope(byteCount: frame.count)
        }
        try envelope.check()
        return envelope
    }

    /// Version first, because nothing else of another version's envelope may be believed.
    func check() throws(EnvelopeFault) {
        guard protocolVersion == Self.currentVersion else { throw .unsupportedVersion(self) }
        guard operationID.count == OperationIdentifier.byteCount else { throw .badOperationIdentifier(self) }
        guard body != nil else { throw .noBody(self) }
    }

    /// The identifier of a checked envelope.
    package var operation: OperationIdentifier {
        guard let operation = OperationIdentifier(bytes: operationID) else {
            preconditionFailure("operation read from an envelope that was not checked")
        }
        return operation
    }

    /// What the caller has left, or nil when it gave no deadline.
    package var timeLeft: Duration? {
        timeLeftMs == 0 ? nil : .milliseconds(Int64(timeLeftMs))
    }
}
