import Foundation
import TestGuest
import Testing

@testable import Hypervisor

/// Guests whose memory libvirt keeps, as `virsh managedsave` and a host that shuts down leave them.
extension RealGuestTests {
    @Test func savedMemoryIsNeitherHandedOverNorGoneOnFromOnDisksThatChanged() async throws {
        try await RealHost.withGuest { host, guest in
            let fixture = try await ReplicaFixture(host, guest)
            defer { #expect(throws: Never.self) { try fixture.remove() } }
            try await host.driver.call { try $0.domain(guest.uuid).saveMemory() }
            let saved = try await host.driver.describe(guest: guest.uuid)
            #expect(saved.power == .shutOff && saved.findings.contains { $0.rule == .savedMemory })
            await Self.expectRefusal {
                _ = try await host.driver.stopGuest(guest.uuid, shutdownLimit: .zero, destroysAfterLimit: true)
            }
            let image = guest.guest.diskPath(0)
            await Self.expectRefusal {
                try await host.driver.stripBitmaps(
                    protection: fixture.protection, guest: guest.uuid, images: [image])
            }
            let offline = try await host.driver.openCapture(
                CaptureRequest(
                    protection: fixture.protection, guest: guest.uuid, cycle: 42, kind: .incremental(parentCycle: 41),
                    consistency: .application))
            #expect(offline.consistency == .crash && offline.consistencyNote.contains("memory is saved"))
            try await fixture.close(42)

            // On its own disks it goes on where it was.
            var mark = guest.guest.console.mark
            var last = guest.committed
            try await host.driver.start(guest: guest.uuid)
            try await guest.waitForRecord(above: last + 20)
            #expect(try await host.driver.describe(guest: guest.uuid).findings.allSatisfy { $0.rule != .savedMemory })
            try await host.driver.call { try $0.domain(guest.uuid).saveMemory() }
            #expect(guest.guest.console.count(of: "bascule-guest: ready", after: mark) == 0)

            // Memory of before they were handed over is dropped, and what was saved since is not.
            mark = guest.guest.console.mark
            let anew = try await fixture.startTracked(mayHaveRun: false)
            #expect(anew.warnings.count == 1 && anew.warnings.allSatisfy { $0.contains("memory") })
            last = try await guest.guest.waitUntilReady(after: mark)
            try await guest.waitForRecord(above: last + 20)
            try await host.driver.call { try $0.domain(guest.uuid).saveMemory() }
            mark = guest.guest.console.mark
            last = guest.committed
            #expect(try await fixture.startTracked(mayHaveRun: true).warnings.isEmpty)
            try await guest.waitForRecord(above: last + 20)
            #expect(guest.guest.console.count(of: "bascule-guest: ready", after: mark) == 0)
        }
    }

    private static func expectRefusal(_ body: () async throws -> Void) async {
        await #expect {
            try await body()
        } throws: {
            guard let error = $0 as? HypervisorError else { return false }
            return error.code == .wrongPowerState && error.message.contains("memory is saved")
        }
    }
}

extension ReplicaFixture {
    fileprivate func startTracked(mayHaveRun: Bool) async throws -> ReplicaGuest {
        try await host.driver.startTracked(
            guest: source.uuid, protection: protection, cycle: 50, mayHaveRun: mayHaveRun, beforeItRuns: {})
    }
}
