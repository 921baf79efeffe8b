internal import DeltaLog

/// Verified points as bytes. Layout.md, "Verified points", has the table.
extension VerifiedPoints {
    static let frame = FileFrame(magic: "BASCVERI", kind: "a record of verified points")
    static let version: UInt16 = 1

    func encoded() -> [UInt8] {
        precondition(marks.count <= ReplicaLimits.verifiedPoints, "marks beyond the limit were dropped")
        var body = ByteEncoder()
        body.integer(UInt32(marks.count))
        for (identifier, verification) in Self.ordered(marks) {
            body.bytes += identifier.bytes
            body.integer(verification.witness.rawValue)
            body.integer(UInt64(bitPattern: verification.unixMilliseconds))
        }
        return Self.frame.encode(version: Self.version, body: body.bytes)
    }

    /// - Throws: `ReplicaError` with code `corruptData`, whatever the bytes are.
    init(decoding bytes: [UInt8]) throws {
        var (_, body) = try Self.frame.decode(bytes) { version in
            guard version == Self.version else { throw Self.corrupt("its version is unknown") }
        } fault: {
            Self.corrupt($0)
        }
        let count: UInt32 = try body.integer()
        guard Int(count) <= ReplicaLimits.verifiedPoints else { throw Self.corrupt("it names too many points") }
        var marks: [PointIdentifier: PointVerification] = [:]
        for _ in 0..<count {
            guard let identifier = PointIdentifier(bytes: try body.take(PointIdentifier.byteCount)),
                identifier != .none
            else {
                throw Self.corrupt("it names no point")
            }
            guard let witness = PointVerification.Witness(rawValue: try body.integer()) else {
                throw Self.corrupt("it does not say who verified a point")
            }
            let time: UInt64 = try body.integer()
            let verification = PointVerification(witness, unixMilliseconds: Int64(bitPattern: time))
            guard marks.updateValue(verification, forKey: identifier) == nil else {
                throw Self.corrupt("it names a point twice")
            }
        }
        guard body.isAtEnd else { throw Self.corrupt("bytes follow its last field") }
        self.init(marks)
    }

    private static func corrupt(_ reason: String) -> ReplicaError {
        ReplicaError(
            .corruptData, "which points are verified cannot be read: \(reason)",
            remedy: "Run a test failover, which marks its point anew.")
    }
}
