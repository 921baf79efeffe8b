import Foundation
import LocalSites
import Messages
import TestGuest
import Testing

/// A guest with an emulated TPM goes over and comes home with it: what it sealed there can be unsealed here.
@Suite(.serialized, .enabled(if: Prerequisites.met, "\(Prerequisites.missing ?? "")"))
struct TPMFailoverTests {
    /// Why an emulated TPM cannot be tried here; nil when it can.
    private static let withoutTPM = TPMPrerequisites.missing.map { "SKIPPED: \($0)" }

    @Test(.timeLimit(.minutes(3)), .enabled(if: withoutTPM == nil, "\(withoutTPM ?? "")"))
    func theTPMOfAGuestGoesOverAndComesHome() async throws {
        try await Scenario.run(
            "tp", disks: [32 << 20], recordsPerSecond: 50, recordAreaBytes: 16 << 20, withOracle: false,
            orchestrator: true, devices: "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>"
        ) { two, guest in
            let protection = try await two.client.protect(guest.name).id
            let root = two.sites.options.root
            let home = "/var/lib/libvirt/swtpm/\(guest.uuid.uuidString.lowercased())"
            let away =
                "\(LocalSites.embeddedRoot(of: "secondary", in: root))/lib/swtpm/\(guest.uuid.uuidString.lowercased())"
            let seeds = try TPMSeeds(of: try permanent(home), beside: "\(root)/other-tpm")
            #expect(seeds.count >= 3 * 64, "a TPM has three seeds of its own")
            try await two.client.waitForPoint(after: 1, of: protection, within: .seconds(60))
            #expect(!FileManager.default.fileExists(atPath: away), "points alone put no TPM there")

            let out = try await two.succeed(.planned, protection)
            let replica = two.replica(of: guest, protection, "failover")
            let last = try await replica.waitUntilReady(within: .seconds(60))
            #expect(seeds.areIn(try permanent(away)), "it is the same TPM at the secondary")
            #expect(try owner(away) == owner(home), "and swtpm may use it")
            try await two.waitUntilProtected(.reverse, protection, after: out.cycle)

            // So that what is at home afterwards was brought there.
            try FileManager.default.removeItem(atPath: home)
            let mark = guest.console.mark
            try await two.succeed(.failback, protection)
            #expect(try await guest.waitUntilReady(after: mark, within: .seconds(60)) >= last)
            #expect(seeds.areIn(try permanent(home)), "it is the same TPM at home")
            #expect(!FileManager.default.fileExists(atPath: away), "and it stayed nowhere else")
        }
    }

    private func permanent(_ directory: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(directory)/tpm2/tpm2-00.permall")))
    }

    private func owner(_ directory: String) throws -> UInt32 {
        var status = stat()
        try #require(lstat("\(directory)/tpm2", &status) == 0)
        return status.st_uid
    }
}
