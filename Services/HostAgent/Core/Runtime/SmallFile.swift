import Glibc

/// A file of the system that is read as a whole, such as those in /proc.
enum SmallFile {
    static let bytesMaximum = 65_536

    /// Nil when it cannot be opened, which for /proc means that what it tells of is gone. Cut after `bytesMaximum`.
    static func text(at path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: bytesMaximum)
        var count = 0
        while count < bytes.count {
            let result = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + count, $0.count - count) }
            guard result > 0 else { break }
            count += result
        }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}
