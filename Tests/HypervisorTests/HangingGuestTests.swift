import Foundation
import Synchronization
import TestGuest
import Testing

@testable import Hypervisor

/// A guest whose QEMU stands still, so that what libvirt asks of it does not return, and later calls wait for that one.
extension RealGuestTests {
    @Test func aGuestThatHangsHoldsUpNoOtherGuestsLeftoversNorTheStart() async throws {
        try await RealHost.withGuest { host, hanging in
            try await RealHost.withGuest { _, other in
                // A second driver on the same directory is the agent after it died and came back.
                let first = try await LibvirtHypervisor.connect(host.driver.settings)
                for guest in [hanging, other] {
                    var cycles = Cycles(guest: guest.uuid, driver: first)
                    _ = try await cycles.open()
                }
                await first.close()
                try host.signalQEMU(of: hanging, SIGSTOP)
                let waking = Self.wake(hanging, host)
                let began = ContinuousClock.now
                let cleared = try await host.driver.clearLeftovers(protections: nil)
                let took = ContinuousClock.now - began
                #expect(took < HypervisorLimits.leftoverWaitTime * 2, "\(took)")
                #expect(cleared.contains("A backup job of guest \(other.name) was ended."))
                #expect(!cleared.contains { $0.contains(hanging.name) })

                // Everything else goes on at once.
                var cycles = Cycles(guest: other.uuid, driver: host.driver)
                _ = try await cycles.open()
                #expect(try await host.driver.inventory().count == 2)
                try await cycles.commit()
                #expect(ContinuousClock.now - began < HypervisorLimits.leftoverWaitTime * 3)

                // The capture of the guest that hung waits, and is no leftover when the guest goes on.
                var late = Cycles(guest: hanging.uuid, driver: host.driver)
                #expect(host.driver.turns.isTaken(hanging.uuid))
                waking.cancel()
                let capture = try await late.open()
                try await waking.value
                // Longer than until what is owed is tried again, because what must not happen is told by nothing.
                try await Task.sleep(for: HypervisorLimits.settleInterval * 2)
                try await host.driver.verifyCapture(protection: late.protection, cycle: capture.cycle)
                let isSettled = host.driver.owed.withLock { $0.isEmpty }
                #expect(isSettled)
                try await late.commit()
                for cycles in [cycles, late] {
                    try await host.driver.releaseGuest(protection: cycles.protection, guest: cycles.guest)
                }
                // Checkpoints of the agent that died.
                _ = try await host.driver.clearLeftovers(protections: [])
            }
        }
    }

    /// A raw disk has no header that says how large it is.
    @Test func aGuestThatHangsKeepsNoOtherGuestFromBeingToldOf() async throws {
        try await RealHost.withGuest(disks: 2, format: "raw") { host, hanging in
            try host.signalQEMU(of: hanging, SIGSTOP)
            let waking = Self.wake(hanging, host)
            let began = ContinuousClock.now
            let described = try await host.driver.inventory()
            #expect(ContinuousClock.now - began < HypervisorLimits.leftoverWaitTime)
            #expect(described.map(\.uuid) == [hanging.uuid])
            #expect(described.flatMap(\.disks).map(\.sizeBytes) == [64 << 20, 64 << 20])
            waking.cancel()
            try await waking.value
        }
    }

    /// Lets it go on, whatever became of the test: when this is cancelled, and at last after a time that is far above what a
    /// start may take.
    private static func wake(_ guest: RealGuest, _ host: RealHost) -> Task<Void, any Error> {
        Task {
            do {
                // A fixed time, because nothing tells that a call does not return.
                try await Task.sleep(for: .seconds(20))
            } catch {
                // The test has seen what it wanted to.
            }
            try host.signalQEMU(of: guest, SIGCONT)
        }
    }
}
