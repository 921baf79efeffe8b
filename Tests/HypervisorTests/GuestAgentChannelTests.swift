import BlockDevice
import Foundation
import TestGuest
import Testing

@testable import Hypervisor

extension RealGuestTests {
    /// A guest boots while it is captured, and its agent opens its channel: libvirt 9.0 holds back the end of such a
    /// backup job for 30 s unless it is pushed.
    @Test(.enabled(if: Program.isInstalled("qemu-ga"), "needs qemu-guest-agent"), arguments: [1, 2])
    func aCaptureDuringWhichTheGuestAgentOpensItsChannelEndsSoon(disks: Int) async throws {
        try await RealHost.withGuest(disks: disks, starts: false) { host, guest in
            var cycles = Cycles(guest: guest.uuid, driver: host.driver)
            let mark = guest.guest.console.mark
            try await host.driver.start(guest: guest.uuid)
            _ = try await cycles.open()
            #expect(try await !Self.channelIsOpen(guest), "the guest booted faster than a capture began")
            try await guest.guest.waitUntilReady(after: mark)
            try await waitUntil("the agent opened its channel") { try await Self.channelIsOpen(guest) }
            #expect(try await !host.driver.describe(guest: guest.uuid).hasGuestAgent, "libvirt heard of it in time")

            let began = ContinuousClock.now
            try await cycles.commit()
            let took = ContinuousClock.now - began
            #expect(took < .seconds(10), "without a push it is 30 s")
            print("\(disks) disks, agent during a capture: closed in \(took)")
            try await waitUntil("libvirt hears of the agent") {
                try await host.driver.describe(guest: guest.uuid).hasGuestAgent
            }
            // And what was committed is what the next cycle goes on from.
            try await guest.waitForRecord(above: guest.committed + 20)
            #expect(try await cycles.open().changedBytes > 0)
            try await cycles.commit()
            #expect(try await host.checkpoints(of: guest) == [cycles.checkpoint(2)])
            try await host.driver.releaseGuest(protection: cycles.protection, guest: cycles.guest)
        }
    }

    /// As QEMU has it, whatever libvirt heard.
    private static func channelIsOpen(_ guest: RealGuest) async throws -> Bool {
        let uuid = guest.uuid
        let answer = try await guest.driver.call { try $0.domain(uuid).askQEMU(#"{"execute":"query-chardev"}"#) }
        struct Answer: Decodable {
            struct Device: Decodable {
                let label: String
                let open: Bool
                enum CodingKeys: String, CodingKey {
                    case label
                    case open = "frontend-open"
                }
            }
            let `return`: [Device]
        }
        return try JSONDecoder().decode(Answer.self, from: Data(answer.utf8)).return
            .contains { $0.label == "charchannel0" && $0.open }
    }
}
