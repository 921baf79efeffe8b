import Foundation
import Synchronization

/// Loopback ports for services of one machine that have to know each other's endpoints before any of them starts, and keep
/// theirs when they are started again.
///
/// They are outside of the kernel's own range (`/proc/sys/net/ipv4/ip_local_port_range`, ip(7)), from which it takes a port
/// for each connection: while a service is down, its port could become somebody's connection, even that of a client that
/// tries to reach it (which then speaks to itself), and the service would not start again.
package enum LocalPorts {
    private struct Search: Sendable {
        /// Where the next one begins; nil: none has been.
        var port: UInt16?
        /// Blocks that no other process gives ports of as long as this one lives.
        var claimed: Set<UInt16> = []
    }

    private static let search = Mutex(Search())

    /// Ports of one block belong to one process, because between the look whether a port is free and its use another process
    /// could find it free, too.
    private static let portsPerBlock: UInt16 = 64

    /// Ports that were free a moment ago, and that no other process is given. No two calls of one process answer the same one,
    /// until all have been given.
    ///
    /// - Throws: `NoLocalPort` when fewer than `count` ports are free.
    package static func free(count: Int) throws -> [UInt16] {
        let kernel = try String(contentsOfFile: "/proc/sys/net/ipv4/ip_local_port_range", encoding: .utf8)
        let range = range(besides: kernel)
        // Known without claiming them all.
        guard count <= range.count else { throw NoLocalPort(why: "\(range) are all, and \(count) are needed") }
        return try search.withLock { search in
            var port = search.port ?? UInt16.random(in: range)
            var found: [UInt16] = []
            for _ in range {
                if try claim(port / portsPerBlock, &search.claimed), try isFree(port) { found.append(port) }
                port = port == range.upperBound ? range.lowerBound : port + 1
                search.port = port
                if found.count == count { return found }
            }
            throw NoLocalPort(why: "only \(found.count) of \(range) are free, and \(count) are needed")
        }
    }

    /// The name of a block's claim: an abstract socket (unix(7)), which goes with its process however that ends.
    static func claim(ofPort port: UInt16) -> String { "bascule-ports-\(port / portsPerBlock)" }

    private static func claim(_ block: UInt16, _ claimed: inout Set<UInt16>) throws -> Bool {
        if claimed.contains(block) { return true }
        // Never closed.
        guard try bindAbstract(claim(ofPort: block * portsPerBlock)) != nil else { return false }
        claimed.insert(block)
        return true
    }

    /// - Returns: the socket that holds the name; nil: another one does.
    static func bindAbstract(_ name: String) throws -> Int32? {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw NoLocalPort(why: String(cString: strerror(errno))) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // The first byte stays zero.
        withUnsafeMutableBytes(of: &address.sun_path) { path in
            UnsafeMutableRawBufferPointer(rebasing: path[1...]).copyBytes(from: name.utf8)
        }
        let length = MemoryLayout<sockaddr_un>.offset(of: \.sun_path)! + 1 + name.utf8.count
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(length)) == 0 }
        }
        if bound { return descriptor }
        let number = errno
        close(descriptor)
        guard number == EADDRINUSE else { throw NoLocalPort(why: String(cString: strerror(number))) }
        return nil
    }

    /// An endpoint at a free port; when there is none, at any port, so that whoever binds it gets the error.
    package static func endpoint() -> String {
        do {
            return "tcp://127.0.0.1:\(try free(count: 1)[0])"
        } catch {
            return "tcp://127.0.0.1:*"
        }
    }

    /// Above the ports of well-known services and below the kernel's range, which is two numbers; where somebody set that to
    /// begin low, above it; and anywhere when neither leaves room.
    static func range(besides kernel: String) -> ClosedRange<UInt16> {
        let lowest: UInt16 = 10_000
        let room: UInt16 = 1_000
        let bounds = kernel.split(whereSeparator: \.isWhitespace).compactMap { UInt16($0) }
        guard bounds.count == 2 else { return lowest...UInt16.max }
        if bounds[0] >= lowest + room { return lowest...bounds[0] - 1 }
        if bounds[1] <= UInt16.max - room { return bounds[1] + 1...UInt16.max }
        return lowest...UInt16.max
    }

    static func isFree(_ port: UInt16) throws -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw NoLocalPort(why: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = port.bigEndian
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}

/// No loopback port can be had.
package struct NoLocalPort: Error, CustomStringConvertible {
    package let why: String

    package var description: String {
        "No free loopback port: \(why). End programs that hold many sockets, then try again."
    }
}
