import CLibvirt
import Foundation
import Synchronization
import TestGuest
import Testing

@testable import Hypervisor

/// What a guest is owed after a capture failed: it is thawed, and rid of the job, also when nobody asks again.
extension RealGuestTests {
    @Test(.enabled(if: Program.isInstalled("qemu-ga"), "needs qemu-guest-agent"))
    func aGuestThatStayedFrozenIsThawedByItsNextCaptureAndByItsRelease() async throws {
        try await RealHost.withGuest(fileSystemMiB: 16) { host, guest in
            var cycles = Cycles(guest: guest.uuid, driver: host.driver)
            try await Self.leaveFrozen(guest)
            var capture = try await cycles.open(consistency: .application)
            // A guest whose agent does not answer within a second, as on a busy machine, is not frozen.
            for _ in 0..<5 where capture.consistency == .crash {
                try await cycles.commit()
                capture = try await cycles.open(consistency: .application)
            }
            #expect(capture.consistency == .application, "\(capture.consistencyNote)")
            #expect(!host.driver.directory.isMarkedFrozen(guest.uuid))
            try await cycles.commit()

            try await Self.leaveFrozen(guest)
            try await host.driver.releaseGuest(protection: cycles.protection, guest: cycles.guest)
            try await Self.expectThawed(guest)
        }
    }

    /// A guest that is paused can not be thawed; it is once it goes on, although nobody asks for it.
    @Test(.enabled(if: Program.isInstalled("qemu-ga"), "needs qemu-guest-agent"))
    func aFrozenGuestThatIsPausedAtAStartIsThawedWhenItGoesOn() async throws {
        try await RealHost.withGuest(fileSystemMiB: 16) { host, guest in
            let uuid = guest.uuid
            try await Self.leaveFrozen(guest)
            try await host.driver.call { try $0.domain(uuid).withPointer { virDomainSuspend($0) } }
            #expect(try await host.driver.clearLeftovers(protections: nil).isEmpty)
            #expect(host.driver.directory.isMarkedFrozen(uuid))
            try await host.driver.call { try $0.domain(uuid).withPointer { virDomainResume($0) } }
            try await Self.expectThawed(guest)
        }
    }

    /// It boots, so that its agent does not answer yet.
    @Test(.enabled(if: Program.isInstalled("qemu-ga"), "needs qemu-guest-agent"))
    func aGuestWhoseAgentDoesNotAnswerKeepsNoOtherLeftoverFromBeingCleared() async throws {
        try await RealHost.withGuest(fileSystemMiB: 16, starts: false) { host, guest in
            let uuid = guest.uuid
            let file = "\(host.captureDirectory)/bascule-00000000-1-vda.scratch"
            let mark = guest.guest.console.mark
            try await host.driver.start(guest: uuid)
            #expect(FileManager.default.createFile(atPath: file, contents: nil))
            try await host.driver.call { try host.driver.directory.markFrozen(uuid, in: $0.domain(uuid).run()) }
            #expect(
                try await host.driver.clearLeftovers(protections: nil)
                    == ["bascule-00000000-1-vda.scratch was removed."])
            #expect(host.driver.directory.isMarkedFrozen(uuid))
            try await guest.guest.waitUntilReady(after: mark)
            try await waitUntil("it is thawed") { !host.driver.directory.isMarkedFrozen(uuid) }
        }
    }

    /// As when libvirt was away at the one moment: the capture is in no table any more, and its job runs.
    @Test func aJobThatCouldNotBeEndedIsEndedLaterWithoutAnybodyAsking() async throws {
        try await RealHost.withGuest { host, guest in
            var cycles = Cycles(guest: guest.uuid, driver: host.driver)
            _ = try await cycles.open()
            let open = try #require(host.driver.captures.withLock { $0.removeValue(forKey: cycles.protection) })
            open.watch?.cancel()
            await #expect(throws: HypervisorError.self) {
                try await host.driver.ending(open.name, of: guest.uuid) { _ in
                    throw HypervisorError(.unavailable, "libvirt is away")
                }
            }
            try await waitUntil("the job is ended") { try await !Self.hasJob(guest) }
            try await waitUntil("its files are gone") { try host.files(of: cycles.checkpoint(1)).isEmpty }
            try await host.driver.releaseGuest(protection: cycles.protection, guest: cycles.guest)
        }
    }

    /// A folder where a file of the capture should be can not be removed as one.
    @Test(arguments: [true, false])
    func aCaptureThatCouldNotBeClosedIsClearedLaterAndLeavesTheNextAlone(isReplaced: Bool) async throws {
        try await RealHost.withGuest { host, guest in
            var cycles = Cycles(guest: guest.uuid, driver: host.driver)
            _ = try await cycles.open()
            let obstacle = "\(host.captureDirectory)/\(cycles.checkpoint(1))-x.scratch"
            try FileManager.default.createDirectory(atPath: obstacle, withIntermediateDirectories: false)
            let file = "\(host.captureDirectory)/\(cycles.checkpoint(1))-y.scratch"
            #expect(FileManager.default.createFile(atPath: file, contents: nil))
            await #expect(throws: HypervisorError.self) { try await cycles.abandon() }
            try FileManager.default.removeItem(atPath: obstacle)
            if isReplaced {
                let next = try await cycles.open()
                // Longer than until it is tried again, because what must not happen is told by nothing.
                try await Task.sleep(for: HypervisorLimits.settleInterval * 2)
                try await host.driver.verifyCapture(protection: cycles.protection, cycle: next.cycle)
                #expect(!FileManager.default.fileExists(atPath: file))
                try await cycles.commit()
            } else {
                try await waitUntil("its files are gone") { try host.files(of: cycles.checkpoint(1)).isEmpty }
            }
            try await host.driver.releaseGuest(protection: cycles.protection, guest: cycles.guest)
        }
    }

    // MARK: Pieces

    private static func leaveFrozen(_ guest: RealGuest) async throws {
        let (uuid, directory) = (guest.uuid, guest.driver.directory)
        try await guest.driver.call { connection in
            let domain = try connection.domain(uuid)
            try directory.markFrozen(uuid, in: domain.run())
            #expect(try domain.freeze(within: .seconds(5)) == 1)
        }
    }

    /// An agent refuses to freeze while it is frozen.
    private static func expectThawed(_ guest: RealGuest) async throws {
        let (uuid, directory) = (guest.uuid, guest.driver.directory)
        try await waitUntil("it is thawed") { !directory.isMarkedFrozen(uuid) }
        try await guest.driver.call { connection in
            let domain = try connection.domain(uuid)
            #expect(try domain.freeze(within: .seconds(5)) == 1)
            try domain.thaw()
        }
    }

    private static func hasJob(_ guest: RealGuest) async throws -> Bool {
        let uuid = guest.uuid
        return try await guest.driver.call { try $0.domain(uuid).backup() != nil }
    }
}
