internal import DeltaLog

/// Looks as bytes. Layout.md, "Looks", has the table.
extension ImageLooks {
    static let frame = FileFrame(magic: "BASCLOOK", kind: "a record of adopted images")
    static let version: UInt16 = 1

    private enum State {
        static let left: UInt8 = 1
        static let beingWritten: UInt8 = 2
    }

    func encoded() -> [UInt8] {
        precondition(looks.count <= DeltaLogLimits.disks, "there are no more images than disks")
        var body = ByteEncoder()
        body.integer(spoilt?.cycle ?? 0)
        body.text(spoilt?.reason ?? "")
        body.integer(UInt16(looks.count))
        for (path, look) in looks.sorted(by: { $0.key < $1.key }) {
            body.text(path)
            switch look {
            case .left(let look):
                body.integer(State.left)
                body.integer(look.inode)
                body.integer(UInt64(bitPattern: look.sizeBytes))
                body.integer(UInt64(bitPattern: look.modifiedNanoseconds))
            case .beingWritten:
                body.integer(State.beingWritten)
            }
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
        let cycle: UInt64 = try body.integer()
        let reason = try body.text(limit: ReplicaLimits.divergenceReasonBytes)
        guard cycle <= ReplicaLimits.cycle else { throw Self.corrupt("nobody counts to its cycle") }
        guard (cycle == 0) == reason.isEmpty else { throw Self.corrupt("a reason is missing, or of nothing") }
        let count: UInt16 = try body.integer()
        guard Int(count) <= DeltaLogLimits.disks else { throw Self.corrupt("it names too many images") }
        var looks: [String: Look] = [:]
        for _ in 0..<count {
            let path = try body.text(limit: ReplicaLimits.imagePathBytes)
            guard path.hasPrefix("/") else { throw Self.corrupt("a path is not absolute") }
            guard looks.updateValue(try Self.look(&body), forKey: path) == nil else {
                throw Self.corrupt("it names an image twice")
            }
        }
        guard body.isAtEnd else { throw Self.corrupt("bytes follow its last field") }
        self.init(looks: looks, spoilt: cycle == 0 ? nil : SpoiltPoints(cycle: cycle, reason: reason))
    }

    private static func look(_ body: inout ByteDecoder) throws -> Look {
        let state: UInt8 = try body.integer()
        switch state {
        case State.left:
            let inode: UInt64 = try body.integer()
            let size: UInt64 = try body.integer()
            let modified: UInt64 = try body.integer()
            return .left(
                ImageLook(
                    inode: inode, sizeBytes: Int64(bitPattern: size), modifiedNanoseconds: Int64(bitPattern: modified)))
        case State.beingWritten: return .beingWritten
        default: throw corrupt("the state of an image is unknown")
        }
    }

    private static func corrupt(_ reason: String) -> ReplicaError {
        ReplicaError(
            .corruptData, "what is known of adopted images cannot be read: \(reason)",
            remedy: "Nothing: the next cycle compares.")
    }
}
