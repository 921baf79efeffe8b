import Foundation
import TestGuest
import Testing

@testable import Hypervisor

/// A test guest and the driver that runs it.
struct RealGuest: Sendable {
    let guest: TestGuest
    let driver: LibvirtHypervisor

    var uuid: String { guest.uuid.uuidString.lowercased() }
    var name: String { guest.name }
    var committed: UInt64 { guest.console.lastCommitted }

    /// Defines it with a network card, with room to plug further disks into while it runs, and with a second CD-ROM drive that
    /// has a medium.
    func define() async throws {
        try guest.createDisks()
        let room =
            "<controller type='pci' index='0' model='pcie-root'/>"
            + String(repeating: "<controller type='pci' model='pcie-root-port'/>", count: 8)
        let card =
            "<interface type='user'><mac address='52:54:00:12:34:56'/><model type='virtio'/></interface>"
        let medium = "\(guest.folder)/medium.iso"
        try Data(count: 1 << 20).write(to: URL(fileURLWithPath: medium))
        let drive =
            "<disk type='file' device='cdrom'><source file='\(medium)'/><target dev='sdb' bus='sata'/><readonly/></disk>"
        let xml = guest.definition()
            .replacingOccurrences(of: "<devices>", with: "<devices>\(drive)")
            .replacingOccurrences(of: "</devices>", with: "\(room)\(card)</devices>")
        _ = try await driver.define(xml: xml)
    }

    func start() async throws {
        let mark = guest.console.mark
        try await driver.start(guest: uuid)
        try await guest.waitUntilReady(after: mark)
        // Freezing needs it, and most tests are not about a guest that boots.
        guard guest.image.hasGuestAgent else { return }
        try await waitUntil("the guest agent is connected") { try await driver.describe(guest: uuid).hasGuestAgent }
    }

    func tell(_ command: String) async throws { try await guest.tell(command) }

    func waitForRecord(above number: UInt64) async throws {
        try await waitUntil("record \(number) is written") { committed > number }
    }

    func waitForPower(_ power: PowerState) async throws {
        try await waitUntil("the guest is \(power.rawValue)") { try await driver.describe(guest: uuid).power == power }
    }

    /// The power button, as an operator presses it.
    func shutDown() async throws {
        try await driver.shutdown(guest: uuid)
        try await waitForPower(.shutOff)
    }

    /// Destroyed and undefined; its disks go with the folder.
    func remove() async throws {
        if try await driver.describe(guest: uuid).power.hasProcess {
            do {
                try await driver.destroy(guest: uuid)
            } catch let error as HypervisorError where error.code == .wrongPowerState {
                // It ended by itself meanwhile.
            }
        }
        try await driver.undefine(guest: uuid)
        try FileManager.default.removeItem(atPath: guest.folder)
    }
}

/// Asks again until it holds, for at most thirty seconds.
func waitUntil(_ what: String, _ holds: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(30)
    while try await !holds() {
        try #require(ContinuousClock.now < deadline, "waited in vain until \(what)")
        // A moment, because what is waited for happens in another process.
        try await Task.sleep(for: .milliseconds(5))
    }
}
