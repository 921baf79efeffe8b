import BlockDevice
import Foundation
import TestGuest
import Testing

@testable import Hypervisor

/// Captures that end while somebody connects to them: QEMU 7.2 hangs for good, and its guest with it, when its NBD server is
/// stopped in the middle of a handshake.
extension RealGuestTests {
    @Test func aCaptureEndsOnceAClientHasFinishedItsHandshake() async throws {
        try await RealHost.withGuest { host, guest in
            var cycles = Cycles(guest: guest.uuid, driver: host.driver)
            _ = try await cycles.open()
            let socket = try host.socket(of: cycles)
            let client = try HalfConnected(to: socket)
            let opened = cycles
            async let ended: Void = opened.abandon()
            try await waitUntil("nobody new can connect") { !FileManager.default.fileExists(atPath: socket) }
            // A fixed time, because it is nothing that is waited for: longer than what clients without a lock are left.
            try await Task.sleep(for: .milliseconds(500))
            let isRunning = try await host.driver.call { try $0.domain(guest.uuid).backup() != nil }
            #expect(isRunning)
            client.close()
            try await ended
            try await guest.waitForRecord(above: guest.committed + 10)
            try await host.driver.releaseGuest(protection: opened.protection, guest: opened.guest)
        }
    }

    /// QEMU drops it after ten seconds.
    @Test func aClientThatNeverFinishesItsHandshakeHangsNoGuest() async throws {
        try await RealHost.withGuest { host, guest in
            var cycles = Cycles(guest: guest.uuid, driver: host.driver)
            _ = try await cycles.open()
            let client = try HalfConnected(to: host.socket(of: cycles))
            try await cycles.abandon()
            try await guest.waitForRecord(above: guest.committed + 10)
            client.close()
            try await host.driver.releaseGuest(protection: cycles.protection, guest: cycles.guest)
        }
    }

    /// What has the socket's name is a directory, which no `unlink(2)` removes.
    @Test func aCaptureEndsThoughItsSocketCanNotBeRemoved() async throws {
        try await RealHost.withGuest { host, guest in
            var cycles = Cycles(guest: guest.uuid, driver: host.driver)
            _ = try await cycles.open()
            let socket = try host.socket(of: cycles)
            try #require(unlink(socket) == 0 && mkdir(socket, 0o700) == 0)
            let opened = cycles
            await #expect {
                try await opened.abandon()
            } throws: { error in
                (error as? HypervisorError)?.code == .operationFailed
                    && "\(error)".contains("\(socket) can not be removed")
            }
            let isRunning = try await host.driver.call { try $0.domain(guest.uuid).backup() != nil }
            #expect(!isRunning)
            try await guest.waitForRecord(above: guest.committed + 10)
            // Once it can be removed, what was left is cleared away by asking once more.
            try #require(rmdir(socket) == 0)
            try await opened.abandon()
            let left = try host.driver.directory.files(ofProtection: opened.protection)
            #expect(left.isEmpty)
            try await host.driver.releaseGuest(protection: opened.protection, guest: opened.guest)
        }
    }
}

extension RealHost {
    fileprivate func socket(of cycles: Cycles) throws -> String {
        driver.directory.socket(try #require(CheckpointName(cycles.checkpoint(cycles.number))))
    }
}

/// Has connected to an NBD server, holds the lock as a worker does, and says nothing.
private struct HalfConnected {
    private let descriptor: Int32
    private let lock: Int32

    init(to path: String) throws {
        lock = open(HandshakeLock.file(ofSocket: path), O_RDONLY | O_CLOEXEC)
        try #require(lock >= 0 && flock(lock, LOCK_SH) == 0)
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(result == 0)
        // The greeting: QEMU has taken the connection up.
        var greeting = [UInt8](repeating: 0, count: 18)
        try #require(recv(descriptor, &greeting, greeting.count, Int32(MSG_WAITALL)) == greeting.count)
    }

    func close() {
        _ = Glibc.close(descriptor)
        _ = Glibc.close(lock)
    }
}
