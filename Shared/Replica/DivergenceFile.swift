internal import DeltaLog

/// The file beside the manifest that says where a diverged base differs from its point. Layout.md has the table.
///
/// It is written before the manifest that makes the base, and speaks of the base with its identifier alone: one that
/// speaks of another is left over.
struct DivergenceFile: Sendable, Equatable {
    static let frame = FileFrame(magic: "BASCDIVG", kind: "a record of divergence")
    static let version: UInt16 = 1

    private enum Kind {
        static let within: UInt8 = 1
        static let anywhere: UInt8 = 2
    }

    /// Of the base's point.
    var identifier: PointIdentifier
    var divergence: Divergence

    // MARK: The file

    static func write(_ file: DivergenceFile, _ layout: ReplicaLayout) throws {
        let draft = layout.divergence + ".new"
        try DurableFiles.write(try file.encoded(), to: draft)
        try DurableFiles.rename(draft, to: layout.divergence)
        try DurableFiles.synchronizeDirectory(layout.directory)
    }

    /// What is known of the base of a manifest. A file that cannot be read costs a comparison and nothing else.
    static func read(_ layout: ReplicaLayout, of manifest: ReplicaManifest) throws -> Divergence {
        guard case .diverged(let base) = manifest.base else { return .anywhere(because: "Its base has not diverged.") }
        guard DurableFiles.exists(layout.divergence) else {
            return .anywhere(because: "Nothing tells what was written to them.")
        }
        let bytes = try DurableFiles.read(layout.divergence, limit: ReplicaLimits.divergenceBytes)
        do {
            let file = try DivergenceFile(decoding: bytes)
            guard file.identifier == base.point.identifier else {
                return .anywhere(because: "Nothing tells what was written to them since.")
            }
            return file.divergence
        } catch let error as ReplicaError where error.code == .corruptData {
            return .anywhere(because: "The record of what was written to them is damaged.")
        }
    }

    // MARK: Bytes

    func encoded() throws -> [UInt8] {
        try divergence.checkInvariants()
        var body = ByteEncoder()
        body.bytes += identifier.bytes
        switch divergence {
        case .within(let disks):
            body.integer(Kind.within)
            body.integer(UInt16(disks.count))
            for (target, ranges) in disks.sorted(by: { $0.key < $1.key }) {
                body.text(target)
                body.integer(UInt32(ranges.count))
                for range in ranges {
                    body.integer(range.lowerBound)
                    body.integer(range.upperBound - range.lowerBound)
                }
            }
        case .anywhere(let reason):
            body.integer(Kind.anywhere)
            body.text(reason)
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
        guard let identifier = PointIdentifier(bytes: try body.take(PointIdentifier.byteCount)) else {
            throw Self.corrupt("it names no point")
        }
        self.init(identifier: identifier, divergence: try Self.divergence(&body))
        guard body.isAtEnd else { throw Self.corrupt("bytes follow its last field") }
        do {
            try divergence.checkInvariants()
        } catch {
            throw Self.corrupt("\(error)")
        }
    }

    init(identifier: PointIdentifier, divergence: Divergence) {
        self.identifier = identifier
        self.divergence = divergence
    }

    private static func divergence(_ body: inout ByteDecoder) throws -> Divergence {
        let kind: UInt8 = try body.integer()
        switch kind {
        case Kind.anywhere: return .anywhere(because: try body.text(limit: ReplicaLimits.divergenceReasonBytes))
        case Kind.within: return .within(try disks(&body))
        default: throw corrupt("its kind is unknown")
        }
    }

    private static func disks(_ body: inout ByteDecoder) throws -> [String: [Range<UInt64>]] {
        var disks: [String: [Range<UInt64>]] = [:]
        let count: UInt16 = try body.integer()
        guard Int(count) <= DeltaLogLimits.disks else { throw corrupt("it names too many disks") }
        for _ in 0..<count {
            let target = try body.text(limit: DeltaLogLimits.targetNameBytes)
            let number: UInt32 = try body.integer()
            guard Int(number) <= ReplicaLimits.divergedRangesPerDisk else { throw corrupt("it has too many ranges") }
            var ranges: [Range<UInt64>] = []
            for _ in 0..<number {
                let offset: UInt64 = try body.integer()
                let length: UInt64 = try body.integer()
                let (end, overflows) = offset.addingReportingOverflow(length)
                guard !overflows else { throw corrupt("a range has no end") }
                ranges.append(offset..<end)
            }
            guard disks.updateValue(ranges, forKey: target) == nil else { throw corrupt("it names a disk twice") }
        }
        return disks
    }

    private static func corrupt(_ reason: String) -> ReplicaError {
        ReplicaError(
            .corruptData, "what is known of diverged disks cannot be read: \(reason)",
            remedy: "Nothing: the next cycle compares.")
    }
}
