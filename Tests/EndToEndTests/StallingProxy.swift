import Foundation
import Synchronization

/// A TCP proxy on loopback that can be told to stall: bytes are then accepted by nobody and lost by nobody, as on a link
/// whose router hangs. `sever` cuts every connection instead, and refuses new ones until `join`.
final class StallingProxy: Sendable {
    private enum Mode: Equatable { case passing, stalled, severed, closed }

    let port: UInt16
    private let target: UInt16
    private let listener: Int32
    private let mode = Mutex(Mode.passing)
    private let connections = Mutex<[Int32]>([])
    private let passed = Atomic<Int>(0)

    /// Bytes that went on to `target` so far.
    var passedBytes: Int { passed.load(ordering: .relaxed) }

    /// Listens on a free port; connections go on to `target` on loopback.
    init(to target: UInt16) throws {
        self.target = target
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        listener = descriptor
        var address = Self.loopback(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listens = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 64) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard listens else { throw Command.Failure(description: "proxy: \(String(cString: strerror(errno)))") }
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { [self] in acceptLoop() }
    }

    func stall() { mode.withLock { $0 = .stalled } }
    func join() { mode.withLock { $0 = .passing } }

    func sever() {
        mode.withLock { $0 = .severed }
        connections.withLock { open in for descriptor in open { shutdown(descriptor, Int32(SHUT_RDWR)) } }
    }

    /// Ends its threads; nothing passes any more.
    func close() {
        mode.withLock { $0 = .closed }
        shutdown(listener, Int32(SHUT_RDWR))
        Glibc.close(listener)
        connections.withLock { open in for descriptor in open { shutdown(descriptor, Int32(SHUT_RDWR)) } }
    }

    private static func loopback(port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private func acceptLoop() {
        while true {
            let incoming = accept(listener, nil, nil)
            guard incoming >= 0 else { return }
            guard mode.withLock({ $0 == .passing || $0 == .stalled }) else {
                Glibc.close(incoming)
                continue
            }
            let outgoing = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = Self.loopback(port: target)
            let connected = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(outgoing, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
            guard connected else {
                Glibc.close(incoming)
                Glibc.close(outgoing)
                continue
            }
            connections.withLock { $0 += [incoming, outgoing] }
            // Descriptors stay open until both directions have ended; a test opens few, so they are left to the end.
            Thread.detachNewThread { [self] in copy(from: incoming, to: outgoing, counted: true) }
            Thread.detachNewThread { [self] in copy(from: outgoing, to: incoming, counted: false) }
        }
    }

    private func copy(from source: Int32, to sink: Int32, counted: Bool) {
        var buffer = [UInt8](repeating: 0, count: 256 * 1_024)
        while true {
            let count = recv(source, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            // On a thread of its own, because it has to hold back bytes until the test lets them go.
            while mode.withLock({ $0 == .stalled }) { usleep(5_000) }
            var sent = 0
            while sent < count {
                let step = buffer.withUnsafeBytes {
                    send(sink, $0.baseAddress! + sent, count - sent, Int32(MSG_NOSIGNAL))
                }
                guard step > 0 else { break }
                sent += step
            }
            guard sent == count else { break }
            if counted { passed.add(count, ordering: .relaxed) }
        }
        shutdown(source, Int32(SHUT_RDWR))
        shutdown(sink, Int32(SHUT_RDWR))
    }
}
