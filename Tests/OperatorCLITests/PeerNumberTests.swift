import Messages
import Testing

@testable import OperatorCLI

/// Whatever a service or a host says, a command shows something.
@Suite struct PeerNumberTests {
    @Test func sizesThatAddUpToTooMuchAreShownAsTheLargest() {
        let disk = Registry.Disk(target: "vda", sizeBytes: 1 << 63, format: "qcow2", source: "/vda")
        var guest = Registry.Guest(
            uuid: "", name: "", hostID: "", power: .running, memoryBytes: 0, virtualCPUs: 1, disks: [disk],
            findings: [],
            guestAgent: false)
        #expect(guest.diskBytes == 1 << 63)
        guest.disks = [disk, disk, disk]
        #expect(guest.diskBytes == .max)
    }

    @Test(arguments: [Int64.min, -1, 5, .max])
    func anUptimeCanBeCountedInMilliseconds(seconds: Int64) {
        var reply = HealthReply()
        reply.uptimeSeconds = seconds
        let shown = ServiceHealth(wire: reply, endpoint: "").uptimeSeconds
        #expect(shown >= 0 && shown.multipliedReportingOverflow(by: 1_000).overflow == false)
        #expect(seconds != 5 || shown == 5)
    }
}
