import Foundation
import TestGuest
import Testing

@testable import Hypervisor

extension RealGuestTests {
    @Test(.enabled(if: Program.isInstalled("qemu-ga"), "needs qemu-guest-agent"))
    func anApplicationConsistentCaptureFreezesForAMomentAndTheWatchdogThaws() async throws {
        try await RealHost.withGuest(fileSystemMiB: 16) { host, guest in
            var cycles = Cycles(guest: guest.uuid, driver: host.driver)
            var capture = try await cycles.open(consistency: .application)
            // A guest whose agent does not answer within a second, as on a busy machine, is not frozen.
            for _ in 0..<5 where capture.consistency == .crash {
                try await cycles.commit()
                capture = try await cycles.open(consistency: .application)
            }
            #expect(capture.consistency == .application && capture.consistencyNote.isEmpty)
            #expect(capture.frozen > .zero && capture.frozen < .seconds(5))
            try await cycles.commit()

            // Somebody freezes and then hangs: the watchdog thaws when the limit passes. That it did is seen by
            // freezing again, which an agent refuses while it is frozen.
            let uuid = guest.uuid
            let watchdog = try await host.driver.call { connection in
                let watchdog = try FreezeWatchdog(
                    uri: host.uri, guest: uuid, limit: .milliseconds(300),
                    thawGuest: { try connection.domain(uuid).thaw() })
                #expect(try connection.domain(uuid).freeze(within: .seconds(5)) == 1)
                return watchdog
            }
            try await waitUntil("the limit passes") { watchdog.hasFired }
            try await host.driver.call { connection in
                #expect(try !watchdog.thaw())
                #expect(try connection.domain(uuid).freeze(within: .seconds(5)) == 1)
                try connection.domain(uuid).thaw()
            }
        }
    }

    /// Nothing was flushed, and what writes to other file systems goes on.
    @Test(.enabled(if: Program.isInstalled("qemu-ga"), "needs qemu-guest-agent"))
    func aGuestWithoutAFileSystemToFreezeIsNotApplicationConsistent() async throws {
        try await RealHost.withGuest { host, guest in
            var cycles = Cycles(guest: guest.uuid, driver: host.driver)
            var capture = try await cycles.open(consistency: .application)
            // A guest whose agent does not answer within a second, as on a busy machine, is not frozen.
            for _ in 0..<5 where capture.consistencyNote.contains("No guest agent answers") {
                try await cycles.commit()
                capture = try await cycles.open(consistency: .application)
            }
            #expect(capture.consistency == .crash)
            #expect(capture.consistencyNote.contains("found none that it can freeze"), "\(capture.consistencyNote)")
            try await cycles.commit()
            try await host.driver.releaseGuest(protection: cycles.protection, guest: cycles.guest)
        }
    }
}
