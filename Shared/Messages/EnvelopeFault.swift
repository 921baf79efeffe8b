/// Why a frame was not accepted as an envelope. Always the peer's doing.
package enum EnvelopeFault: Error, Equatable, Sendable {
    case notAnEnvelope(byteCount: Int)
    case unsupportedVersion(Envelope)
    case badOperationIdentifier(Envelope)
    /// The body is missing, or of a kind that only a newer peer knows.
    case noBody(Envelope)

    /// What could be parsed; its fields may be wrong, and only the operation identifier is echoed back.
    package var envelope: Envelope? {
        switch self {
        case .notAnEnvelope: nil
        case .unsupportedVersion(let envelope), .badOperationIdentifier(let envelope), .noBody(let envelope): envelope
        }
    }

    /// The answer that the peer gets.
    package var error: RemoteError {
        switch self {
        case .notAnEnvelope(let byteCount):
            RemoteError(
                .invalidArgument, "The last frame is not a bascule.v1.Envelope.",
                remedy: "Send one serialized Envelope as the last frame.", facts: ["bytes": "\(byteCount)"])
        case .unsupportedVersion(let envelope):
            RemoteError(
                .unsupportedVersion,
                "Protocol version \(envelope.protocolVersion) is not spoken here, \(Envelope.currentVersion) is.",
                remedy: "Use the same release on both sides.",
                facts: ["got": "\(envelope.protocolVersion)", "spoken": "\(Envelope.currentVersion)"])
        case .badOperationIdentifier(let envelope):
            RemoteError(
                .invalidArgument, "operation_id has \(envelope.operationID.count) bytes instead of 16.",
                remedy: "Send 16 random bytes, the same ones when a request is repeated.")
        case .noBody:
            RemoteError(
                .invalidArgument, "The envelope has no body that is known here.",
                remedy: "Set one of the bodies of bascule.v1.Envelope.")
        }
    }
}
