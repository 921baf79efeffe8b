extension DefinitionRewriterTests {
    private static let down = "<link state='down'/>"

    static let definitionCases: [Case] = identityCases + diskCases + networkCases + portCases + hostCases

    private static let identityCases = [
        Case(
            name: "a test has another name, UUID, SMBIOS UUID and generation", isTest: true,
            outside: """
                <genid>1</genid><sysinfo type='smbios'><system><entry name='uuid'>old</entry><entry name='serial'>s\
                </entry></system></sysinfo>
                """,
            becomes: """
                <name>web-test</name><uuid>0f1e2d3c-0000-4000-8000-00000000000f</uuid><genid/><sysinfo type='smbios'>\
                <system><entry name='uuid'>0f1e2d3c-0000-4000-8000-00000000000f</entry><entry name='serial'>s</entry>\
                </system></sysinfo>
                """),
        Case(
            name: "under KVM the processor stays", hasKVM: true, outside: "<cpu mode='host-passthrough'/>",
            becomes: "<cpu mode='host-passthrough'/>"),
    ]

    private static let diskCases = [
        Case(
            name: "a medium that is here stays",
            device: "<disk type='file' device='cdrom'><source file='/here/a.iso'/><target dev='sda'/></disk>",
            becomes: "<disk type='file' device='cdrom'><source file='/here/a.iso'/><target dev='sda'/></disk>"),
        Case(
            name: "a medium that is not here leaves an empty drive",
            device: "<disk type='file' device='cdrom'><source file='/iso/a.iso'/><target dev='sda'/></disk>",
            becomes: "<disk type='file' device='cdrom'><target dev='sda'/></disk>", warnings: ["/iso/a.iso"]),
        Case(
            name: "a medium from the network leaves an empty drive",
            device: """
                <disk type='network' device='cdrom'><source protocol='http' name='a.iso'><host name='h'/></source>\
                <target dev='sda'/></disk>
                """,
            becomes: "<disk type='file' device='cdrom'><target dev='sda'/></disk>", warnings: ["a.iso"]),
        Case(
            name: "a disk that is not replicated goes",
            device: "<disk type='file'><source file='/here/s'/><target dev='vdc'/><shareable/></disk>", becomes: "",
            warnings: ["vdc"]),
    ]

    private static let networkCases = [
        Case(
            name: "a test has another MAC address", isTest: true,
            device: """
                <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='prod'/>\
                <target dev='vnet3'/><driver name='vhost'/></interface>
                """,
            becomes: testIdentity + """
                <interface type='bridge'><mac address='02:00:00:00:00:07'/><driver name='vhost'/>\
                <source bridge='br7'/></interface>
                """),
        Case(
            name: "a network without a mapping is disconnected",
            device: """
                <interface type='direct'><mac address='m'/><source dev='eth0' mode='bridge'/><model type='virtio'/>\
                <driver name='vhost'/></interface>
                """,
            becomes: "<interface type='user'><mac address='m'/><model type='virtio'/>\(down)</interface>",
            warnings: ["eth0 has no mapping"]),
        Case(
            name: "a network mapped to nothing is disconnected on purpose",
            device: "<interface type='network'><mac address='m'/><source network='lab'/></interface>",
            becomes: "<interface type='user'><mac address='m'/>\(down)</interface>"),
        Case(
            name: "filters and VLANs of the source's host go",
            device: """
                <interface type='network'><mac address='m'/><source network='prod'/><vlan><tag id='4'/></vlan>\
                <filterref filter='clean-traffic'/></interface>
                """,
            becomes: "<interface type='bridge'><mac address='m'/><source bridge='br7'/></interface>",
            warnings: ["filterref", "vlan"]),
        Case(
            name: "QEMU's own network stays", device: "<interface type='user'><mac address='m'/></interface>",
            becomes: "<interface type='user'><mac address='m'/></interface>"),
        Case(
            name: "QEMU's own network of a test is cut, because it reaches others", isTest: true,
            device: "<interface type='user'><mac address='m'/></interface>",
            becomes: testIdentity + "<interface type='user'><mac address='02:00:00:00:00:07'/>\(down)</interface>",
            warnings: ["a test touches no network"]),
    ]

    private static let testIdentity =
        "<name>web-test</name><uuid>0f1e2d3c-0000-4000-8000-00000000000f</uuid>"

    private static let portCases = [
        Case(
            name: "logs and sockets of serial ports go to the replica's directory",
            device: """
                <serial type='file'><source path='/var/log/a' append='on'/><target port='0'/></serial>\
                <serial type='unix'><source mode='bind' path='/run/a'/><target port='1'/></serial>\
                <console type='file'><source path='/var/log/a'/><target type='serial' port='0'/></console>
                """,
            becomes: """
                <serial type='file'><source path='/r/failover/device-serial0.log' append='on'/><target port='0'/>\
                </serial><serial type='unix'><source mode='bind' path='/r/failover/device-serial1.sock'/>\
                <target port='1'/></serial>
                """,
            warnings: ["serial0.log", "serial1.sock"]),
        Case(
            name: "the guest agent's channel gets a path of libvirt's choice",
            device: """
                <channel type='unix'><source mode='bind' path='/run/a'/>\
                <target type='virtio' name='org.qemu.guest_agent.0'/></channel>
                """,
            becomes: "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>"),
        Case(
            name: "a port over the network is connected to nothing",
            device: """
                <serial type='tcp'><source mode='bind' host='0.0.0.0' service='4555'/><protocol type='raw'/>\
                <target port='0'/></serial>
                """,
            becomes: "<serial type='null'><target port='0'/></serial>", warnings: ["serial0 of type tcp"]),
        Case(
            name: "a screen at an address of the source is at the loopback",
            device: """
                <graphics type='vnc' port='5901' listen='10.1.2.3'><listen type='address' address='10.1.2.3'/>\
                </graphics>
                """,
            becomes: """
                <graphics type='vnc' port='5901'><listen type='address' address='127.0.0.1'/></graphics>
                """,
            warnings: ["127.0.0.1"]),
        Case(
            name: "the screen of a test has a port of its own", isTest: true,
            device: "<graphics type='vnc' port='5901' autoport='no'/>",
            becomes: testIdentity + "<graphics type='vnc' autoport='yes'/>"),
    ]

    private static let hostCases = [
        Case(
            name: "an emulated TPM stays, and its state is known to be absent from this point",
            device: "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>",
            becomes: "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>",
            warnings: ["no TPM state"]),
        Case(
            name: "an emulated TPM goes where nothing emulates it", hasSoftwareTPM: false,
            device: "<tpm model='tpm-crb'><backend type='emulator' version='2.0'/></tpm>", becomes: "",
            warnings: ["swtpm"]),
        Case(
            name: "the source's TPM goes",
            device: "<tpm model='tpm-tis'><backend type='passthrough'><device path='/dev/tpm0'/></backend></tpm>",
            becomes: "", warnings: ["TPM of the source host"]),
        Case(
            name: "devices and folders of the source go",
            device: """
                <hostdev mode='subsystem' type='pci'/><filesystem type='mount'/>\
                <rng model='virtio'><backend model='egd' type='udp'/></rng>\
                <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
                """,
            becomes: "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>",
            warnings: ["passed through", "folder", "randomness"]),
        Case(
            name: "huge pages, pinning and labels go",
            outside: """
                <memoryBacking><hugepages/><locked/></memoryBacking><numatune><memory mode='strict'/></numatune>\
                <resource><partition>/x</partition></resource><seclabel type='none'/>
                """,
            becomes: "<memoryBacking><locked/></memoryBacking>", warnings: ["pinned", "huge pages"]),
    ]
}
