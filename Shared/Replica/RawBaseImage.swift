internal import CLinuxFile
import Glibc

/// A sparse raw file in `base/`. A file that is missing or shorter than the disk reads as zeros there.
final class RawBaseImage: BaseImage {
    // lseek(2), SEEK_DATA and SEEK_HOLE: the C library shows them only under _GNU_SOURCE.
    private static let seekData: Int32 = 3
    private static let seekHole: Int32 = 4

    private let file: OpenFile

    /// - Returns: nil when there is no such image.
    static func openForReading(_ path: String) throws -> RawBaseImage? {
        guard DurableFiles.exists(path) else { return nil }
        return RawBaseImage(file: try OpenFile(path: path, flags: O_RDONLY))
    }

    static func openForWriting(_ path: String) throws -> RawBaseImage {
        RawBaseImage(file: try OpenFile(path: path, flags: O_RDWR | O_CREAT))
    }

    private init(file: consuming OpenFile) {
        self.file = file
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws {
        let count = try file.read(into: buffer, at: offset)
        if count < buffer.count {
            UnsafeMutableRawBufferPointer(rebasing: buffer[count...]).initializeMemory(as: UInt8.self, repeating: 0)
        }
    }

    /// Runs through a range; true stands for stretches that may hold data, false for holes.
    func forEachStretch(in range: Range<UInt64>, _ body: (Range<UInt64>, Bool) throws -> Void) throws {
        var offset = range.lowerBound
        while offset < range.upperBound {
            let data = min(try seek(Self.seekData, from: offset) ?? range.upperBound, range.upperBound)
            if offset < data { try body(offset..<data, false) }
            guard data < range.upperBound else { return }
            let hole = min(try seek(Self.seekHole, from: data) ?? range.upperBound, range.upperBound)
            try body(data..<hole, true)
            offset = hole
        }
    }

    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws { try file.write(buffer, at: offset) }

    /// Makes a range read as zeros, giving its space back where the file system can.
    func zero(_ range: Range<UInt64>) throws {
        let punched = retryingInterrupts {
            bascule_punch_hole(file.descriptor, Int64(range.lowerBound), Int64(range.count))
        }
        if punched == 0 { return }
        guard errno == EOPNOTSUPP else { throw SystemCallFailure("fallocate", path: file.path).replicaError }
        try writeZeros(range)
    }

    func resize(to size: UInt64) throws { try file.truncate(to: size) }
    func synchronize() throws { try file.synchronize() }
    func sizeBytes() throws -> UInt64 { try file.sizeBytes() }
    /// The file closes with its last user.
    func close() {}

    private func seek(_ whence: Int32, from offset: UInt64) throws -> UInt64? {
        // The file's position is shared by threads, but only the answer is used.
        let found = lseek(file.descriptor, off_t(offset), whence)
        if found >= 0 { return UInt64(found) }
        guard errno == ENXIO else { throw SystemCallFailure("lseek", path: file.path).replicaError }
        return nil
    }

    private func writeZeros(_ range: Range<UInt64>) throws {
        let zeros = [UInt8](repeating: 0, count: ReplicaLimits.copyBufferBytes)
        var offset = range.lowerBound
        while offset < range.upperBound {
            let count = Int(min(UInt64(zeros.count), range.upperBound - offset))
            try zeros.withUnsafeBytes { try write(UnsafeRawBufferPointer(rebasing: $0[..<count]), at: offset) }
            offset += UInt64(count)
        }
    }
}
