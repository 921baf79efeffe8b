import Foundation

/// The guest's second serial port: a UNIX socket that QEMU listens on.
struct ControlPort {
    private let descriptor: Int32
    private let path: String

    /// - Throws: `TestGuestError` with code `toolFailed` when nobody listens.
    init(path: String) throws {
        self.path = path
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Self.failure(path) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path) - 1
        guard path.utf8.count <= room else {
            Glibc.close(descriptor)
            throw TestGuestError(
                .toolFailed, "\(path) is longer than a UNIX socket path may be (\(room) bytes)",
                remedy: "use a shorter folder")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
        guard connected else {
            let failure = Self.failure(path)
            Glibc.close(descriptor)
            throw failure
        }
    }

    func send(_ text: String) throws {
        let bytes = Array(text.utf8)
        // A command is shorter than the socket's buffer, so it is taken whole or not at all.
        guard Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw Self.failure(path)
        }
    }

    func close() { Glibc.close(descriptor) }

    private static func failure(_ path: String) -> TestGuestError {
        TestGuestError(
            .toolFailed, "the guest's command port \(path) cannot be reached: \(String(cString: strerror(errno)))",
            remedy: "see that the guest runs")
    }
}
