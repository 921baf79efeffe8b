import Testing

@testable import Hypervisor

struct DefinitionRewriterTests {
    /// What becomes of one part of a definition.
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        var isTest = false
        var hasKVM = false
        var hasSoftwareTPM = true
        /// Inside `<domain>`, beside what every definition has.
        var outside = ""
        /// Inside `<devices>`.
        var device = ""
        /// The same parts afterwards; empty: gone.
        let becomes: String
        /// A piece of each warning, in order.
        var warnings: [String] = []

        var testDescription: String { name }
    }

    private static let protection = "aaaabbbb-0000-4000-8000-000000000001"
    private static let testUUID = "0f1e2d3c-0000-4000-8000-00000000000f"

    private func rewriter(
        _ definition: String, _ example: Case = Case(name: "", becomes: ""), nvram: [UInt8] = [1],
        disks: [ReplicaGuestRequest.Disk] = []
    ) throws -> DefinitionRewriter {
        try DefinitionRewriter(
            ReplicaGuestRequest(
                protection: Self.protection, cycle: 7, definition: definition, nvram: nvram,
                identity: example.isTest ? .test(uuid: Self.testUUID, name: "web-test") : .same, disks: disks,
                networks: [
                    .init(source: "prod", target: "br7"), .init(source: "br7", target: "br7"),
                    .init(source: "lab", target: nil),
                ],
                directory: "/r/failover", tracksChanges: true),
            host: .init(
                domainType: example.hasKVM ? "kvm" : "qemu", emulator: "/here/qemu",
                hasSoftwareTPM: example.hasSoftwareTPM, exists: { $0.hasPrefix("/here/") || $0 == "/dev/urandom" },
                macAddress: { "02:00:00:00:00:07" }))
    }

    /// A whole definition: what is not touched stays, in its order.
    @Test func aWholeDefinitionIsRewritten() throws {
        let definition = """
            <domain type='kvm' id='3' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
              <name>web &amp; more</name>
              <uuid>0f1e2d3c-0000-4000-8000-000000000001</uuid>
              <metadata><a:b xmlns:a='urn:a'>kept</a:b></metadata>
              <memory unit='KiB'>2097152</memory>
              <vcpu placement='static' cpuset='0-3'>4</vcpu>
              <cputune><shares>9</shares><vcpupin vcpu='0' cpuset='1'/></cputune>
              <os>
                <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
                <loader readonly='yes' type='pflash'>/here/OVMF_CODE_4M.fd</loader>
                <nvram template='/gone/VARS.fd'>/var/lib/libvirt/qemu/nvram/web_VARS.fd</nvram>
              </os>
              <features><acpi/><hyperv mode='custom'><relaxed state='on'/></hyperv></features>
              <cpu mode='host-passthrough' check='none' migratable='on'><topology sockets='1' cores='4' threads='1'/></cpu>
              <clock offset='utc'><timer name='rtc'/><timer name='kvmclock'/></clock>
              <devices>
                <emulator>/there/qemu</emulator>
                <disk type='block' device='disk'>
                  <driver name='qemu' type='qcow2' cache='none' discard='unmap'/>
                  <source dev='/dev/vg/web' index='2'><reservations managed='yes'/></source>
                  <backingStore type='file'><format type='qcow2'/><source file='/images/base.qcow2'/></backingStore>
                  <target dev='vda' bus='virtio'/>
                  <serial>S1</serial>
                  <address type='pci' domain='0x0000' bus='0x04' slot='0x00' function='0x0'/>
                </disk>
                <interface type='network'>
                  <mac address='52:54:00:00:00:01'/><source network='prod'/><model type='virtio'/>
                </interface>
              </devices>
              <seclabel type='dynamic' model='apparmor'/>
              <qemu:commandline><qemu:arg value='-foo'/></qemu:commandline>
            </domain>
            """
        let expected = """
            <domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
              <name>web &amp; more</name>
              <uuid>0f1e2d3c-0000-4000-8000-000000000001</uuid>
              <metadata>
                <a:b xmlns:a='urn:a'>kept</a:b>
                <bascule:replica xmlns:bascule='urn:bascule:replica:1' protection='\(Self.protection)' cycle='7'
                  directory='/r/failover'/>
              </metadata>
              <memory unit='KiB'>2097152</memory>
              <vcpu placement='static'>4</vcpu>
              <cputune><shares>9</shares></cputune>
              <os>
                <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
                <loader readonly='yes' type='pflash'>/here/OVMF_CODE_4M.fd</loader>
                <nvram>/r/failover/nvram</nvram>
              </os>
              <features><acpi/></features>
              <cpu mode='maximum'><topology sockets='1' cores='4' threads='1'/></cpu>
              <clock offset='utc'><timer name='rtc'/></clock>
              <devices>
                <emulator>/here/qemu</emulator>
                <disk type='file' device='disk'>
                  <driver name='qemu' type='qcow2' cache='none' discard='unmap'/>
                  <target dev='vda' bus='virtio'/>
                  <serial>S1</serial>
                  <address type='pci' domain='0x0000' bus='0x04' slot='0x00' function='0x0'/>
                  <source file='/r/failover/vda.qcow2'/>
                  <backingStore type='network'>
                    <format type='raw'/>
                    <source protocol='nbd' name='vda'>
                      <host transport='unix' socket='/run/v'/><reconnect delay='86400'/>
                    </source>
                    <backingStore/>
                  </backingStore>
                </disk>
                <interface type='bridge'>
                  <mac address='52:54:00:00:00:01'/><model type='virtio'/><source bridge='br7'/>
                </interface>
              </devices>
              <qemu:commandline><qemu:arg value='-foo'/></qemu:commandline>
            </domain>
            """
        var rewriter = try rewriter(
            definition, disks: [.init(target: "vda", viewSocket: "/run/v", sizeBytes: 1 << 20)])
        let domain = try rewriter.rewrite()
        #expect(try domain.serialized == XMLElement(parsing: expected).compacted.serialized)
        #expect(rewriter.warnings.count == 3)
        // What was started from a replica can be started from one of its own: nothing is there twice.
        var again = try self.rewriter(
            domain.serialized, disks: [.init(target: "vda", viewSocket: "/run/v", sizeBytes: 1 << 20)])
        #expect(try again.rewrite() == domain)
    }

    @Test(arguments: definitionCases)
    func aPartIsRewritten(example: Case) throws {
        var rewriter = try rewriter(
            """
            <domain type='kvm'><name>web</name><uuid>0f1e2d3c-0000-4000-8000-000000000001</uuid>\(example.outside)\
            <devices><emulator>/there/qemu</emulator>\(example.device)</devices></domain>
            """, example)
        var domain = try rewriter.rewrite()
        let expected = try XMLElement(parsing: "<all>\(example.becomes)</all>").compacted
        let devices = domain.first("devices")?.elements.filter { $0.name != "emulator" } ?? []
        domain.remove(["devices", "metadata"])
        if !example.outside.contains("<name>"), !example.isTest { domain.remove(["name", "uuid"]) }
        #expect(domain.elements + devices == expected.elements)
        // Of the host's missing KVM each of them would warn.
        let warnings = rewriter.warnings.filter { !$0.contains("under KVM") }
        #expect(warnings.count == example.warnings.count, "\(warnings)")
        for (warning, piece) in zip(warnings, example.warnings) { #expect(warning.contains(piece)) }
    }

    @Test(arguments: ["kernel", "initrd", "dtb", "loader"])
    func aHostWithoutWhatTheGuestBootsWithIsRefused(part: String) throws {
        var rewriter = try rewriter(
            "<domain type='qemu'><name>a</name><uuid>b</uuid><os><\(part)>/gone/x</\(part)></os><devices/></domain>")
        #expect {
            try rewriter.rewrite()
        } throws: {
            ($0 as? HypervisorError)?.code == .hostUnfit && "\($0)".contains("/gone/x")
        }
    }

    @Test func aPointWithADiskThatItsDefinitionLacksIsRefused() throws {
        var rewriter = try rewriter(
            "<domain type='qemu'><name>a</name><uuid>b</uuid><devices/></domain>",
            disks: [.init(target: "vdz", viewSocket: "/run/v", sizeBytes: 1)])
        #expect { try rewriter.rewrite() } throws: { ($0 as? HypervisorError)?.code == .invalidDefinition }
    }

    @Test func withoutVariablesTheFirmwareMakesItsOwn() throws {
        let definition = """
            <domain type='qemu'><name>a</name><uuid>b</uuid>\
            <os><nvram template='/here/VARS.fd' type='file'><source file='/x'/></nvram></os><devices/></domain>
            """
        var without = try rewriter(definition, nvram: [])
        let nvram = try without.rewrite().first("os", "nvram")
        #expect(nvram?.serialized == "<nvram template='/here/VARS.fd'>/r/failover/nvram</nvram>")
        #expect(without.warnings.count == 1)
    }

    @Test func aTPMWhoseStateThePointHoldsIsNotWarnedOf() throws {
        let definition = """
            <domain type='qemu'><name>a</name><uuid>b</uuid>\
            <devices><tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm></devices></domain>
            """
        let state = try FirmwareState(tpm: ["tpm2/tpm2-00.permall": [1, 2, 3]]).encoded()
        var rewriter = try rewriter(definition, nvram: state)
        #expect(try rewriter.rewrite().first("devices", "tpm") != nil)
        #expect(rewriter.warnings.isEmpty)
    }
}
