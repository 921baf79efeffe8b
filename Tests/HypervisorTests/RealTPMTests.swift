import Foundation
import TestGuest
import Testing

@testable import Hypervisor

extension RealGuestTests {
    /// Why an emulated TPM cannot be tried here; nil when it can.
    private static let withoutTPM = TPMPrerequisites.missing.map { "SKIPPED: \($0)" }

    /// What a guest sealed with its TPM can be unsealed where its replica runs, and at home again.
    @Test(.enabled(if: withoutTPM == nil, "\(withoutTPM ?? "")"))
    func theStateOfAnEmulatedTPMGoesAlong() async throws {
        try await RealHost.withGuest(starts: false) { host, guest in
            let tpm = "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>"
            let own = try await host.driver.describe(guest: guest.uuid).definition
            _ = try await host.driver.define(xml: own.replacingOccurrences(of: "</devices>", with: "\(tpm)</devices>"))
            try await Self.started { try await guest.start() }
            let fixture = try await ReplicaFixture(host, guest)
            defer { #expect(throws: Never.self) { try fixture.remove() } }
            let held = try FirmwareState(decoding: fixture.firmware)
            let permanent = try #require(held.tpm["tpm2/tpm2-00.permall"])
            let seeds = try TPMSeeds(of: permanent, beside: "\(fixture.folder)/other")
            #expect(seeds.count >= 3 * 64, "a TPM has three seeds of its own")

            try fixture.startViews()
            let copy = UUID().uuidString.lowercased()
            let request = fixture.request(.test(uuid: copy, name: "\(guest.name)-test"), tracksChanges: false)
            let started = try await Self.started { try await host.driver.startReplicaGuest(request) }
            #expect(!started.warnings.contains { $0.contains("TPM") }, "\(started.warnings)")
            let there = TPMDirectory(uri: host.uri, guest: copy)
            let itsOwn = try #require(try there.read()["tpm2/tpm2-00.permall"])
            #expect(seeds.areIn(itsOwn), "it is the same TPM")
            try await fixture.end(copy)
            #expect(!FileManager.default.fileExists(atPath: there.path), "a test leaves no trace")

            // Home again, after the place was given to another TPM meanwhile.
            _ = try await host.driver.stopGuest(guest.uuid, shutdownLimit: .seconds(30), destroysAfterLimit: true)
            let home = TPMDirectory(uri: host.uri, guest: guest.uuid)
            try home.remove()
            for _ in 1...2 { try await host.driver.setFirmware(fixture.firmware, of: guest.uuid) }
            #expect(try home.read() == held.tpm)
            #expect(try await host.driver.firmware(of: guest.uuid) == fixture.firmware)
            try await Self.started { try await guest.start() }
            await #expect {
                try await host.driver.setFirmware(fixture.firmware, of: guest.uuid)
            } throws: {
                ($0 as? HypervisorError)?.code == .wrongPowerState
            }
            let again = try #require(try home.read()["tpm2/tpm2-00.permall"])
            #expect(seeds.areIn(again))
        }
    }

    /// libvirt 9.0 may run QEMU before swtpm listens, seldom and on a busy machine; another start then goes well.
    private static func started<Result>(_ start: () async throws -> Result) async throws -> Result {
        do {
            return try await start()
        } catch let error as HypervisorError where "\(error)".contains("swtpm.sock") {
            print("started once more: \(error)")
            return try await start()
        }
    }
}
