import Testing

@testable import Hypervisor

struct DefinitionCompletionTests {
    private static func disk(_ target: String, _ file: String, _ rest: String = "", address bus: String) -> String {
        "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='\(file)'/>"
            + "<target dev='\(target)' bus='virtio'/>\(rest)"
            + "<address type='pci' domain='0x0000' bus='\(bus)' slot='0x00' function='0x0'/></disk>"
    }

    private static func domain(_ devices: String...) -> String {
        "<domain><name>web</name><devices>\(devices.joined())</devices></domain>"
    }

    private static let root = disk("vda", "/a", "<boot order='1'/>", address: "0x03")

    private func disks(_ stored: String, _ live: String, _ targets: [String]) throws -> [XMLElement] {
        let completed = try DefinitionCompletion(of: stored, live: live, targets)
        return try #require(XMLElement(parsing: completed.definition).first("devices")).all("disk")
    }

    @Test func aDefinitionThatNamesAllDisksStaysAsItIs() throws {
        let stored = Self.domain(Self.root, Self.disk("vdb", "/b", address: "0x04"))
        let completed = try DefinitionCompletion(of: stored, live: Self.domain(Self.root), ["vda"])
        #expect(completed.definition == stored && completed.added.isEmpty)
    }

    @Test func aDiskOfTheRunAloneIsAdded() throws {
        let live = """
            <disk type='file' device='disk'><driver name='qemu' type='qcow2' discard='unmap'/>
              <source file='/b' index='3'/><backingStore type='file'><source file='/base'/></backingStore>
              <mirror type='file' job='copy'/><target dev='vdb' bus='virtio'/><alias name='virtio-disk1'/>
              <address type='pci' domain='0x0000' bus='0x04' slot='0x00' function='0x0'/></disk>
            """
        let running = Self.domain(Self.root, live, Self.disk("vdc", "/c", address: "0x05"))
        let completed = try DefinitionCompletion(of: Self.domain(Self.root), live: running, ["vda", "vdb"])
        #expect(completed.added == ["vdb"])
        let added = try #require(XMLElement(parsing: completed.definition).first("devices")).all("disk")
        #expect(added.compactMap { $0.first("target")?["dev"] } == ["vda", "vdb"])
        #expect(added[1].elements.map(\.name) == ["driver", "source", "target", "address"])
        #expect(added[1].first("source")?["index"] == nil && added[1].first("driver")?["discard"] == "unmap")
    }

    @Test func aPlaceThatIsTakenIsLeft() throws {
        let card =
            "<interface type='user'><boot order='2'/>"
            + "<address type='pci' domain='0x0000' bus='0x04' slot='0x00' function='0x1'/></interface>"
        let live = Self.disk("vdb", "/b", "<boot order='2'/><alias name='ua-mine'/>", address: "0x04")
        let added = try disks(Self.domain(Self.root, card), Self.domain(Self.root, live), ["vda", "vdb"])
        #expect(added[1].elements.map(\.name) == ["driver", "source", "target", "alias"])
    }

    @Test func aDiskThatWasRenamedIsThereOnce() throws {
        let stored = Self.domain(Self.disk("sda", "/a", "<boot order='1'/>", address: "0x03"))
        let added = try disks(stored, Self.domain(Self.root), ["vda"])
        #expect(added.count == 1 && added[0].first("target")?["dev"] == "vda")
        #expect(added[0].first("boot") != nil && added[0].first("address") != nil)
    }
}
