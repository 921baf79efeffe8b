import Hypervisor
import Messages
import Testing

@testable import HostAgent

/// What a report tells of a guest with more, longer and odder texts than the vault takes.
@Suite struct ReportedGuestTests {
    private static let host = "11111111-1111-4111-8111-111111111111"

    private func reported(
        name: String = "web", disks: [DiskDescription] = [], findings: [Hypervisor.Finding] = []
    ) -> Messages.Guest {
        Messages.Guest(
            GuestDescription(
                uuid: "22222222-2222-4222-8222-222222222222", name: name, power: .running, memoryBytes: 1,
                virtualCPUs: 1, disks: disks, findings: findings, hasGuestAgent: false, definition: "<domain/>"),
            host: Self.host)
    }

    private static func disks(_ count: Int) -> [DiskDescription] {
        (0..<count).map { DiskDescription(target: "vd\($0)", sizeBytes: 1, format: "qcow2", source: "/d\($0)") }
    }

    @Test func anOrdinaryGuestIsToldAsItIs() {
        let finding = Hypervisor.Finding(.rawDisk, subject: "vda", message: "Disk vda is raw.", remedy: "Convert it.")
        let guest = reported(name: "wéb 1", disks: Self.disks(HypervisorLimits.disksPerGuest), findings: [finding])
        #expect(guest.name == "wéb 1")
        #expect(guest.disks.map(\.target) == (0..<64).map { "vd\($0)" })
        #expect(guest.findings == [Messages.Finding(finding)])
    }

    @Test func aGuestWithTooManyDisksIsBlockedWhateverTheDriverSays() {
        let guest = reported(disks: Self.disks(HypervisorLimits.disksPerGuest + 1))
        #expect(guest.disks.count == HypervisorLimits.disksPerGuest)
        #expect(guest.findings.map(\.rule) == ["too-many-disks"] && guest.findings[0].blocking)
        #expect(guest.findings.first?.message.contains("65 disks") == true)
    }

    @Test func whatBlocksIsToldFirstWhenNotEverythingCanBe() {
        let harmless = (0..<200).map {
            Hypervisor.Finding(.removableSkipped, subject: "sd\($0)", message: "It is a CD-ROM.", remedy: "")
        }
        let raw = Hypervisor.Finding(.rawDisk, subject: "vda", message: "Disk vda is raw.", remedy: "Convert it.")
        let guest = reported(disks: Self.disks(1), findings: harmless + [raw])
        #expect(guest.findings.count == HostAgentLimits.reportedFindingsPerGuest)
        #expect(guest.findings.first?.rule == "raw-disk")
        #expect(guest.findings.last?.rule == "more-findings")
        // 201 were found, and 127 of them are told.
        #expect(guest.findings.last?.message.contains("74 more findings") == true)
        #expect(guest.findings.last?.blocking == false)
    }

    /// A letter of two, three or four bytes at the limit is told whole or not at all.
    @Test(arguments: ["a", "é", "€", "😀"])
    func aLongTextIsCutBetweenTwoLetters(letter: String) {
        let most = HostAgentLimits.reportedGuestNameBytes
        for count in 1...300 {
            let name = String(repeating: letter, count: count)
            let told = reported(name: name).name
            if name.utf8.count <= most {
                #expect(told == name)
            } else {
                #expect(told.utf8.count <= most && told.utf8.count > most - 8)
                #expect(told.last == "…" && told.dropLast().allSatisfy { String($0) == letter })
            }
        }
    }

    @Test func controlCharactersAreReplacedEverywhere() {
        let odd = "a\u{1B}b\u{7F}c\nd\r\ne\u{85}f\u{0}"
        let even = "a\u{FFFD}b\u{FFFD}c\u{FFFD}d\u{FFFD}\u{FFFD}e\u{FFFD}f\u{FFFD}"
        let guest = reported(
            name: odd, disks: [DiskDescription(target: odd, sizeBytes: 1, format: odd, source: odd)],
            findings: [Hypervisor.Finding(.rawDisk, subject: odd, message: odd, remedy: odd)])
        #expect(guest.name == even)
        #expect(guest.disks[0].target == even && guest.disks[0].format == even && guest.disks[0].source == even)
        let finding = guest.findings[0]
        #expect(finding.subject == even && finding.message == even && finding.remedy == even)
    }
}
