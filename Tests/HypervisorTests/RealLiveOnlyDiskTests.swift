import Foundation
import TestGuest
import Testing

@testable import Hypervisor

extension RealGuestTests {
    @Test func aPointWithADiskThatOnlyTheRunningGuestHasStarts() async throws {
        try await RealHost.withGuest { host, source in
            let path = "\(source.guest.folder)/added.qcow2"
            try Program.run("qemu-img", ["create", "-q", "-f", "qcow2", path, "8M"])
            try await host.driver.call { try $0.domain(source.uuid).attachDisk(path, as: "vdx", isLiveOnly: true) }
            let running = try await host.driver.describe(guest: source.uuid)
            #expect(running.disks.map(\.target) == ["vda", "vdx"])
            #expect(running.findings.filter { $0.rule == .liveOnlyDisk }.map(\.subject) == ["vdx"])
            let fixture = try await ReplicaFixture(host, source)
            defer { #expect(throws: Never.self) { try fixture.remove() } }

            _ = try await host.driver.stopGuest(source.uuid, shutdownLimit: .seconds(30), destroysAfterLimit: true)
            let off = try await host.driver.describe(guest: source.uuid)
            #expect(off.disks.map(\.target) == ["vda"] && off.findings.allSatisfy { $0.rule != .liveOnlyDisk })
            try fixture.startViews()
            try await fixture.withoutSource {
                let replica = try fixture.replica(try await host.driver.startReplicaGuest(fixture.request()))
                try await replica.guest.waitUntilReady()
                let there = try await host.driver.describe(guest: replica.uuid)
                #expect(there.disks.map(\.target) == ["vda", "vdx"])
            }
        }
    }
}
