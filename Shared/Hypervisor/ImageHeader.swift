import Foundation

/// The first bytes of a disk image. Read directly, because asking qemu-img costs 20 ms per disk every few seconds.
///
/// | offset | width | qcow2 field (QEMU, docs/interop/qcow2.txt; big-endian) |
/// |---|---|---|
/// | 0 | 4 | magic "QFI\xfb" |
/// | 4 | 4 | version: 2 or 3 |
/// | 8 | 8 | offset of the backing file's name, 0: none |
/// | 24 | 8 | virtual size in bytes |
/// | 32 | 4 | encryption method, 0: none |
/// | 60 | 4 | number of internal snapshots |
struct ImageHeader: Sendable, Hashable {
    enum Format: Sendable, Hashable {
        case qcow2(version: UInt32)
        case other
    }

    let format: Format
    /// 0 when the format is not known.
    let sizeBytes: UInt64
    let isEncrypted: Bool
    let hasBackingFile: Bool
    let snapshots: Int

    static let bytesNeeded = 72

    init(_ bytes: [UInt8]) {
        func number(_ offset: Int, _ width: Int) -> UInt64 {
            bytes[offset..<offset + width].reduce(0) { $0 << 8 | UInt64($1) }
        }
        guard bytes.count >= Self.bytesNeeded, number(0, 4) == 0x5146_49FB else {
            format = .other
            sizeBytes = 0
            isEncrypted = false
            hasBackingFile = false
            snapshots = 0
            return
        }
        format = .qcow2(version: UInt32(number(4, 4)))
        sizeBytes = number(24, 8)
        isEncrypted = number(32, 4) != 0
        hasBackingFile = number(8, 8) != 0
        snapshots = Int(number(60, 4))
    }

    static func read(_ path: String) throws -> ImageHeader {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw HypervisorError(
                .operationFailed, "The image \(path) can not be read.",
                remedy: "See that it exists and that the agent may read it.")
        }
        defer { file.closeFile() }
        return ImageHeader([UInt8](try file.read(upToCount: bytesNeeded) ?? Data()))
    }
}
