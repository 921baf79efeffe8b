import Testing

@testable import Hypervisor

struct DomainDocumentTests {
    @Test func aDefinitionIsUnderstood() throws {
        let document = try DomainDocument(parsing: DefinitionFixture.running)
        #expect(document.name == "web & more")
        #expect(document.uuid == "0f1e2d3c-0000-4000-8000-000000000001")
        #expect(document.memoryBytes == 2 << 30)
        #expect(document.virtualCPUs == 4)
        #expect(document.nvram == "/var/lib/libvirt/qemu/nvram/web_VARS.fd")
        #expect(document.hasGuestAgent)
        #expect(document.hostDevices == ["pci"])
        #expect(document.disks.map(\.target) == ["vda", "vdb", "sda", "vdc", "vdd", "vde"])
        #expect(document.disks[0].source == .local("/images/web.qcow2"))
        #expect(document.disks[0].format == "qcow2")
        #expect(document.disks[1].source == .local("/dev/vg/data"))
        #expect(document.disks[2].device == .removable)
        #expect(document.disks[3].isShared)
        #expect(document.disks[4].isReadonly)
        #expect(document.disks[5].source == .other("network"))
    }

    @Test(arguments: [("KiB", "4", UInt64(4_096)), ("b", "7", 7), ("GiB", "1", 1 << 30), ("MB", "2", 2_000_000)])
    func memoryHasUnits(unit: String, number: String, bytes: UInt64) throws {
        let text = "<domain><name>a</name><uuid>b</uuid><memory unit='\(unit)'>\(number)</memory></domain>"
        #expect(try DomainDocument(parsing: text).memoryBytes == bytes)
    }

    @Test(arguments: [
        "<domain><name>a</name></domain>", "<network><name>a</name><uuid>b</uuid></network>",
        "<domain><name>a</name><uuid>b</uuid><memory unit='TiB'>99999999999999</memory></domain>",
        "<domain><name>a</name><uuid>b</uuid><memory unit='bogus'>1</memory></domain>",
    ])
    func whatIsNoGuestIsRefused(text: String) {
        #expect { try DomainDocument(parsing: text) } throws: { ($0 as? HypervisorError)?.code == .invalidDefinition }
    }
}
