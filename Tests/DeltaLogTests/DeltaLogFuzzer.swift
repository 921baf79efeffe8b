import Foundation
import Sealing

@testable import DeltaLog

/// Gives arbitrary bytes to everything that decodes a delta log. Whatever they are, the only way out is a thrown error:
/// no trap, no read beyond a buffer, no allocation beyond the limits. `Tests/Fuzz/DeltaLog/run` makes inputs, and
/// `FuzzReplayTests` tries those again that are kept.
///
/// The first byte chooses what the rest is: see `Input`.
enum DeltaLogFuzzer {
    enum Input: UInt8, CaseIterable {
        /// A whole file.
        case file
        /// Edits of a valid log, whose seals are made right afterwards, so that they reach what lies behind them.
        case editedLog
        /// A record as it arrives, without its seal: 48 bytes of header, then the payload.
        case record
    }

    /// The golden log is the valid one to start from.
    private static let (replicaKey, golden): (SealingKey, [UInt8]) = {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Golden/version-1.hrl")
        do {
            return (try SealingKey(bytes: [UInt8](0..<32)), Array(try Data(contentsOf: path)))
        } catch {
            preconditionFailure("there is no golden log: \(error)")
        }
    }()

    /// What an input is; nil when it is empty.
    static func kind(of bytes: [UInt8]) -> Input? { bytes.first.map { Input.allCases[Int($0) % Input.allCases.count] } }

    /// - Throws: what no decoder may throw, whatever it is given.
    static func run(_ bytes: [UInt8]) throws {
        guard let kind = kind(of: bytes) else { return }
        let rest = Array(bytes.dropFirst())
        do {
            switch kind {
            case .file: try readAll(rest)
            case .editedLog: try readAll(try edited(by: rest))
            case .record: try takeRecord(rest)
            }
        } catch is DeltaLogError {
            return
        } catch is FormatFault {
            return
        }
    }

    /// Everything a reader can be asked for.
    private static func readAll(_ bytes: [UInt8]) throws {
        let reader = try DeltaLogReader(
            source: MemorySource(bytes: bytes), path: "memory", replicaKey: replicaKey, index: .kept)
        for extent in reader.extents.prefix(64) {
            var part = [UInt8](repeating: 0, count: Int(min(extent.length, 4_096)))
            do {
                try part.withUnsafeMutableBytes { try reader.read(extent, into: $0) }
            } catch is DeltaLogError {
                continue
            }
        }
        _ = try reader.guest()
        try reader.verify()
    }

    /// Each edit takes eight bytes: part, what to do, two bytes of place, four of value.
    private static func edited(by edits: [UInt8]) throws -> [UInt8] {
        var forge = try LogForge(golden, replicaKey: replicaKey)
        for start in stride(from: 0, to: min(edits.count, 64 * 8) - 7, by: 8) {
            let edit = Array(edits[start..<start + 8])
            switch edit[0] % 7 {
            case 0: apply(edit, to: &forge.header)
            case 1: apply(edit, to: &forge.packedGuest)
            case 2: apply(edit, to: &forge.records)
            case 3: apply(edit, to: &forge.index)
            case 4: apply(edit, to: &forge.trailer)
            case 5: apply(edit, to: &forge.padding)
            default: try forge.resealFirstRecord { header in apply([0, 0, 0] + edit[3...], to: &header) }
            }
        }
        guard forge.header.count >= 240, forge.trailer.count >= 128 else { return [] }
        return try forge.assembled()
    }

    private static func apply(_ edit: [UInt8], to bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        let place = (Int(edit[2]) << 8 | Int(edit[3])) % bytes.count
        switch edit[1] % 4 {
        case 0:
            for (index, value) in edit[4...].enumerated() where place + index < bytes.count {
                bytes[place + index] = value
            }
        case 1: bytes[place] = edit[4]
        case 2: bytes.insert(contentsOf: edit[4...], at: place)
        default: bytes.removeSubrange(place..<min(bytes.count, place + 1 + Int(edit[4])))
        }
    }

    /// Seals the record as a worker could, gives it to a writer's checks, and reads it back as from a file.
    private static func takeRecord(_ bytes: [UInt8]) throws {
        let header = try DeltaLogRecordHeader.decodeFormat(bytes.span.bytes)
        let payload = Array(bytes.dropFirst(DeltaLogRecordHeader.byteCount).prefix(Int(header.payloadBytes)))
        guard payload.count == Int(header.payloadBytes) else { return }
        let record = try sealed(bytes, header, payload)
        let disks = [DeltaLogDisk](repeating: DeltaLogDisk(target: "vda", sizeBytes: 1 << 60), count: 64)
        let intake = try AttemptIntake(attempt: header.attempt, disks: disks, key: replicaKey)
        do {
            _ = try record.withUnsafeBytes { try intake.check($0) }
        } catch is DeltaLogError {
            // Its sequence or its disk, most likely; what is sealed is read all the same.
        }
        let bench = RecordWorkbench()
        let extent = DeltaLogExtent(wholeRecord: header, position: 0, keySlot: 0)
        try bench.hold(extent, of: .init(reader: 0, position: 0), from: MemorySource(bytes: record)) { replicaKey }
        if header.kind == .data { precondition(bench.data(of: extent).count == Int(header.length)) }
    }

    private static func sealed(
        _ bytes: [UInt8], _ header: DeltaLogRecordHeader, _ payload: [UInt8]
    ) throws -> [UInt8] {
        var record = Array(bytes.prefix(DeltaLogRecordHeader.byteCount)) + payload + [UInt8](repeating: 0, count: 16)
        var cipher = try SealCipher(key: replicaKey)
        try record.withUnsafeMutableBytes { memory in
            let parts = RecordParts(memory, payloadBytes: payload.count)
            try cipher.seal(
                UnsafeRawBufferPointer(parts.payload), into: parts.payload, tag: parts.tag,
                authenticating: UnsafeRawBufferPointer(parts.header), nonce: header.nonce)
        }
        return record
    }
}
