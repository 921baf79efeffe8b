import BlockDevice
import Foundation
import Synchronization
import TestGuest
import Testing

@testable import Hypervisor

extension RealGuestTests {
    @Test func aCleanShutdownInterruptsNothing() async throws {
        try await RealHost.withGuest { host, guest in
            var cycles = Cycles(guest: guest.uuid, driver: host.driver)
            let copy = "\(host.directory)/copy"
            defer { unlink(copy) }
            try await host.apply(try await cycles.open().disks[0], to: copy)
            try await cycles.commit()
            try await guest.waitForRecord(above: guest.committed + 50)
            try await guest.shutDown()
            let last = guest.committed

            let offline = try await cycles.open()
            #expect(offline.isOffline && offline.changedBytes > 0 && offline.consistency == .application)
            try Self.checkOwner(of: offline.disks[0], in: host.driver.directory.path)
            try await host.apply(offline.disks[0], to: copy)
            #expect(try host.expectSame(offline, [copy], guest) == last)
            try await cycles.commit()

            let unchanged = try await cycles.open()
            #expect(unchanged.isOffline && unchanged.changedBytes == 0)
            try await cycles.commit()

            try await guest.start()
            try await guest.waitForRecord(above: last + 50)
            let running = try await cycles.open()
            #expect(!running.isOffline && running.changedBytes > 0)
            try await host.apply(running.disks[0], to: copy)
            #expect(try host.expectSame(running, [copy], guest) > last)
            try await cycles.commit()
            #expect(try await host.checkpoints(of: guest) == [cycles.checkpoint(cycles.number)])
        }
    }

    /// Workers reach a running guest's disks as the owner of the directory, or by its group, and so an image's, too.
    private static func checkOwner(of disk: CapturedDisk, in directory: String) throws {
        let socket = try #require(disk.nbdURI.split(separator: "=").last.map(String.init))
        var (file, folder) = (stat(), stat())
        try #require(stat(socket, &file) == 0 && stat(directory, &folder) == 0)
        #expect(file.st_uid == folder.st_uid && file.st_gid == folder.st_gid && file.st_mode & 0o777 == 0o660)
    }

    @Test func aGuestThatStartsDuringAnOfflineCaptureStartsAndTheCaptureIsLost() async throws {
        try await RealHost.withGuest { host, guest in
            var cycles = Cycles(guest: guest.uuid, driver: host.driver)
            try await guest.shutDown()
            #expect(try await cycles.open().changedBytes > 0)
            try await cycles.commit()
            let unchanged = try await cycles.open()
            #expect(unchanged.isOffline && unchanged.changedBytes == 0)
            try await guest.start()
            await #expect { try await host.driver.verifyCapture(protection: cycles.protection, cycle: 2) } throws: {
                ($0 as? HypervisorError)?.code == .captureLost
            }
            await #expect { try await NBDConnector().connect(uri: unchanged.disks[0].nbdURI, contexts: []) } throws: {
                ($0 as? BlockDeviceError)?.code == .connectFailed
            }
            try await cycles.abandon()
            // No checkpoint was ever made, because a guest that is off can have none.
            #expect(try await cycles.refusal()?.code == .needsCompare)
        }
    }

    /// The bitmaps are there all the time, so nothing may ask for a comparison, whenever it looked at them.
    @Test func aGuestThatGoesAndComesWhileCapturesAreOpenedIsNotCompared() async throws {
        try await RealHost.withGuest { host, guest in
            var cycles = Cycles(guest: guest.uuid, driver: host.driver)
            _ = try await cycles.open()
            try await cycles.commit()
            for _ in 0..<2 {
                try await Self.expectIncremental(&cycles) { try await guest.shutDown() }
                try await Self.expectIncremental(&cycles) { try await guest.start() }
            }
        }
    }

    /// Opens captures back to back until `change` is over, and one more, which succeeds.
    private static func expectIncremental(
        _ cycles: inout Cycles, during change: @escaping @Sendable () async throws -> Void
    ) async throws {
        let isOver = Mutex(false)
        async let changing: Void = {
            defer { isOver.withLock { $0 = true } }
            try await change()
        }()
        var isLast: Bool
        repeat {
            isLast = isOver.withLock { $0 }
            do {
                _ = try await cycles.open()
                try await cycles.commit()
            } catch let error as HypervisorError {
                #expect(error.code != .needsCompare && error.code != .needsFull && !isLast, "\(error)")
                try await cycles.abandon()
            }
        } while !isLast
        try await changing
    }
}
