import Foundation

/// Loopback ports that were free a moment ago.
///
/// The services learn each other's endpoints from their settings, so ports must be known before anything starts.
/// All probes are held open together, because ports asked for one after the other may come out equal.
package enum LocalPorts {
    /// - Throws: `LocalSitesError` with code `cannotStart` when the machine has no port left.
    package static func free(count: Int) throws -> [UInt16] {
        var descriptors: [Int32] = []
        defer { for descriptor in descriptors { close(descriptor) } }
        var ports: [UInt16] = []
        for _ in 0..<count {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            guard descriptor >= 0 else { throw noPort() }
            descriptors.append(descriptor)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let bound = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
                }
            }
            guard bound else { throw noPort() }
            ports.append(UInt16(bigEndian: address.sin_port))
        }
        return ports
    }

    private static func noPort() -> LocalSitesError {
        LocalSitesError(
            .cannotStart, "no free loopback port: \(String(cString: strerror(errno)))",
            remedy: "end programs that hold many sockets, then try again")
    }
}
