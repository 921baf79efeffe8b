internal import DeltaLog
internal import FoundationEssentials

/// The manifest as bytes: a fixed head, a body, and a SHA-256 over both. Big-endian. Layout.md has the offset tables.
extension ReplicaManifest {
    static let frame = FileFrame(magic: "BASCREPL", kind: "a manifest")
    /// Written where it says all there is to say, because an older program can read it.
    private static let firstVersion: UInt16 = 1
    /// Adds running, settling, diverged and absorbed bases, and adopted images.
    private static let failoverVersion: UInt16 = 2
    static let newestVersion = failoverVersion

    private enum BaseState {
        static let empty: UInt8 = 1
        static let settled: UInt8 = 2
        static let folding: UInt8 = 3
        static let diverged: UInt8 = 4
        static let absorbing: UInt8 = 5
        static let absorbingDiverged: UInt8 = 6
    }

    /// The oldest version that can say what this manifest says.
    var formatVersion: UInt16 {
        let isPlain = runningCycle == nil && settlingCycle == nil && adopted.isEmpty
        switch base {
        case .empty, .settled, .folding: return isPlain ? Self.firstVersion : Self.failoverVersion
        case .diverged, .absorbing: return Self.failoverVersion
        }
    }

    /// - Throws: `ReplicaError` when an invariant does not hold.
    func encoded() throws -> [UInt8] {
        try checkInvariants()
        return Self.frame.encode(version: formatVersion, body: encodedBody())
    }

    private func encodedBody() -> [UInt8] {
        var encoder = ByteEncoder()
        encoder.uuid(protection)
        encoder.uuid(guest)
        encoder.integer(generation)
        encoder.integer(revision)
        encoder.integer(role.rawValue)
        switch base {
        case .empty:
            encoder.integer(BaseState.empty)
            encoder.integer(UInt64(0))
        case .settled:
            encoder.integer(BaseState.settled)
            encoder.integer(UInt64(0))
        case .folding(_, let target):
            encoder.integer(BaseState.folding)
            encoder.integer(target)
        case .diverged:
            encoder.integer(BaseState.diverged)
            encoder.integer(UInt64(0))
        case .absorbing(let point, _):
            encoder.integer(point.isDiverged ? BaseState.absorbingDiverged : BaseState.absorbing)
            encoder.integer(UInt64(0))
        }
        encoder.text(guestName)
        encoder.integer(UInt8(basePoint == nil ? 0 : 1))
        if let basePoint { Self.encode(basePoint, into: &encoder) }
        guard formatVersion >= Self.failoverVersion else { return encoder.bytes }
        encoder.integer(runningCycle ?? 0)
        encoder.integer(settlingCycle ?? 0)
        encoder.integer(UInt16(adopted.count))
        for image in adopted {
            encoder.text(image.target)
            encoder.text(image.path)
            encoder.integer(image.format.rawValue)
            encoder.integer(UInt8(image.isCompressed ? 1 : 0))
            encoder.integer(image.sizeBytes)
        }
        return encoder.bytes
    }

    private static func encode(_ base: BasePoint, into encoder: inout ByteEncoder) {
        encoder.integer(base.point.cycle)
        encoder.bytes += base.point.identifier.bytes
        encoder.integer(UInt64(bitPattern: base.point.capturedUnixMilliseconds))
        encoder.integer(base.point.consistency.rawValue)
        encoder.integer(base.point.changedBytes)
        encoder.integer(UInt16(base.point.disks.count))
        for disk in base.point.disks {
            encoder.text(disk.target)
            encoder.integer(disk.sizeBytes)
        }
        encoder.text(base.guest.definition)
        encoder.blob(base.guest.nvram)
    }

    /// - Throws: `ReplicaError` with code `corruptData`, whatever the bytes are.
    init(decoding bytes: [UInt8]) throws {
        var (version, body) = try Self.frame.decode(bytes) { version in
            guard (Self.firstVersion...Self.newestVersion).contains(version) else {
                throw ReplicaError(
                    .corruptData, "the manifest has a format version this program does not know",
                    remedy: "Use a newer release.", facts: ["version": "\(version)", "known": "\(Self.newestVersion)"])
            }
        } fault: {
            Self.corrupt($0)
        }
        try self.init(body: &body)
        if version >= Self.failoverVersion { try decodeFailover(&body) }
        guard version == formatVersion else { throw Self.corrupt("its version is not the one of its content") }
        guard body.isAtEnd else { throw Self.corrupt("bytes follow its last field") }
        try checkInvariants()
    }

    private init(body: inout ByteDecoder) throws {
        protection = try body.uuid()
        guest = try body.uuid()
        generation = try body.integer()
        revision = try body.integer()
        guard let role = Role(rawValue: try body.integer()) else { throw Self.corrupt("its role is unknown") }
        self.role = role
        let state: UInt8 = try body.integer()
        let target: UInt64 = try body.integer()
        guestName = try body.text(limit: ReplicaLimits.guestNameBytes)
        let flag: UInt8 = try body.integer()
        let point = flag == 1 ? try Self.decodeBasePoint(&body) : nil
        switch (state, flag, point) {
        case (BaseState.empty, 0, nil) where target == 0: base = .empty
        case (BaseState.settled, 1, let point?) where target == 0: base = .settled(point)
        case (BaseState.folding, 0...1, _): base = .folding(from: point, to: target)
        case (BaseState.diverged, 1, let point?) where target == 0: base = .diverged(point)
        case (BaseState.absorbing, 1, let point?) where target == 0:
            base = .absorbing(.exact(point.point), guest: point.guest)
        case (BaseState.absorbingDiverged, 1, let point?) where target == 0:
            base = .absorbing(.diverged(point.point), guest: point.guest)
        default: throw Self.corrupt("the state of its base is unknown")
        }
    }

    private mutating func decodeFailover(_ body: inout ByteDecoder) throws {
        let running: UInt64 = try body.integer()
        let settling: UInt64 = try body.integer()
        runningCycle = running == 0 ? nil : running
        settlingCycle = settling == 0 ? nil : settling
        let count: UInt16 = try body.integer()
        guard Int(count) <= DeltaLogLimits.disks else { throw Self.corrupt("it names too many images") }
        for _ in 0..<count {
            let target = try body.text(limit: DeltaLogLimits.targetNameBytes)
            let path = try body.text(limit: ReplicaLimits.imagePathBytes)
            guard let format = AdoptedImage.Format(rawValue: try body.integer()) else {
                throw Self.corrupt("the format of an image is unknown")
            }
            let compressed: UInt8 = try body.integer()
            guard compressed <= 1 else { throw Self.corrupt("a flag is neither 0 nor 1") }
            adopted.append(
                AdoptedImage(
                    target: target, path: path, format: format, sizeBytes: try body.integer(),
                    isCompressed: compressed == 1))
        }
    }

    private static func decodeBasePoint(_ body: inout ByteDecoder) throws -> BasePoint {
        let cycle: UInt64 = try body.integer()
        guard let identifier = PointIdentifier(bytes: try body.take(PointIdentifier.byteCount)) else {
            throw corrupt("the base's point has no identifier")
        }
        let captured: UInt64 = try body.integer()
        guard let consistency = CaptureConsistency(rawValue: try body.integer()) else {
            throw corrupt("the base's consistency is unknown")
        }
        let changed: UInt64 = try body.integer()
        let count: UInt16 = try body.integer()
        guard Int(count) <= DeltaLogLimits.disks else { throw corrupt("it names too many disks") }
        var disks: [DeltaLogDisk] = []
        for _ in 0..<count {
            let target = try body.text(limit: DeltaLogLimits.targetNameBytes)
            disks.append(DeltaLogDisk(target: target, sizeBytes: try body.integer()))
        }
        let definition = try body.text(limit: DeltaLogLimits.definitionBytes)
        let nvram = try body.blob(limit: DeltaLogLimits.nvramBytes)
        let point = RecoveryPoint(
            cycle: cycle, identifier: identifier, capturedUnixMilliseconds: Int64(bitPattern: captured),
            consistency: consistency, storedBytes: 0, changedBytes: changed, disks: disks)
        return BasePoint(point: point, guest: GuestConfiguration(definition: definition, nvram: nvram))
    }

    private static func corrupt(_ reason: String) -> ReplicaError {
        ReplicaError(
            .corruptData, "the manifest cannot be read: \(reason)",
            remedy: "Restore the manifest from a copy of the replica directory.")
    }
}
