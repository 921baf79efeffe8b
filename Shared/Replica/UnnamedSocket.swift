import Glibc

/// A listening socket whose name is gone before anybody else could use it, with connections that wait to be accepted.
enum UnnamedSocket {
    /// - Returns: descriptors that are closed on exec and are the caller's to close.
    static func connected(_ count: Int) throws -> (listener: Int32, sockets: [Int32]) {
        // A directory of our own, because a socket's permissions do not keep others out before they are set.
        var template = Array("/tmp/bascule-XXXXXX".utf8CString)
        guard template.withUnsafeMutableBufferPointer({ mkdtemp($0.baseAddress!) }) != nil else {
            throw SystemCallFailure("mkdtemp", path: "/tmp").replicaError
        }
        let directory = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        let path = directory + "/s"
        defer {
            unlink(path)
            rmdir(directory)
        }
        var made: [Int32] = []
        do {
            made.append(try socket(path) { bind($0, $1, $2) == 0 && listen($0, Int32(count)) == 0 })
            for _ in 0..<count { made.append(try socket(path) { connect($0, $1, $2) == 0 }) }
        } catch {
            for descriptor in made { Glibc.close(descriptor) }
            throw error
        }
        return (made[0], Array(made[1...]))
    }

    private static func socket(
        _ path: String, _ use: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Bool
    ) throws -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = Glibc.socket(AF_UNIX, type, 0)
        guard descriptor >= 0 else { throw SystemCallFailure("socket", path: path).replicaError }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let isDone = withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                use(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard isDone else {
            let failure = SystemCallFailure("bind, listen or connect", path: path)
            Glibc.close(descriptor)
            throw failure.replicaError
        }
        return descriptor
    }
}
