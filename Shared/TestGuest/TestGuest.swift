package import Foundation

/// One guest that counts: its folder with disks, serial log and command socket, and its libvirt definition.
///
/// ```
/// <folder>/vda.qcow2 …   console.log   control   (UNIX socket, made by QEMU)
/// ```
/// It neither defines nor starts itself: that is up to whoever owns the libvirt connection.
package struct TestGuest: Sendable {
    package struct Disk: Sendable {
        package var sizeBytes: UInt64
        package var format: String

        package init(sizeBytes: UInt64, format: String = "qcow2") {
            self.sizeBytes = sizeBytes
            self.format = format
        }
    }

    package let name: String
    package let uuid: UUID
    package let folder: String
    package let image: GuestImage
    /// Record disks: vda, vdb, …
    package let disks: [Disk]
    package let memoryMebibytes: Int
    /// Bytes of each record disk that hold records; a power of two.
    package let recordAreaBytes: UInt64
    /// Records a second from boot on; 0: idle until told.
    package let recordsPerSecond: Int
    /// One more disk after the record disks, with an ext4 file system that the guest mounts, so that a freeze holds
    /// something. 0: none.
    package let fileSystemBytes: UInt64

    package init(
        name: String, uuid: UUID = UUID(), folder: String, image: GuestImage,
        disks: [Disk] = [Disk(sizeBytes: 256 << 20)], memoryMebibytes: Int = 192,
        recordAreaBytes: UInt64 = 64 << 20, recordsPerSecond: Int = 50, fileSystemBytes: UInt64 = 0
    ) {
        precondition(recordAreaBytes.nonzeroBitCount == 1 && recordAreaBytes >= 1 << 20)
        precondition(!disks.isEmpty && disks.count <= 8 && disks.allSatisfy { $0.sizeBytes >= recordAreaBytes })
        self.name = name
        self.uuid = uuid
        self.folder = folder
        self.image = image
        self.disks = disks
        self.memoryMebibytes = memoryMebibytes
        self.recordAreaBytes = recordAreaBytes
        self.recordsPerSecond = recordsPerSecond
        self.fileSystemBytes = fileSystemBytes
    }

    package var layout: RecordLayout { RecordLayout(diskCount: disks.count, areaBytes: recordAreaBytes) }
    package var console: SerialLog { ports.console }
    package var controlPath: String { ports.controlPath }
    /// The serial ports of the guest on its own disks.
    package var ports: GuestPorts { GuestPorts(consolePath: "\(folder)/console.log", controlPath: "\(folder)/control") }

    /// The serial ports of the guest when it was started from a recovery point: the host agent moves them into the
    /// folder of the started replica, so that a test beside the original does not take its ports away.
    package func ports(ofReplicaIn folder: String) -> GuestPorts {
        GuestPorts(consolePath: "\(folder)/device-serial0.log", controlPath: "\(folder)/device-serial1.sock")
    }

    package func diskPath(_ index: Int) -> String {
        "\(folder)/\(diskTarget(index)).\(index < disks.count ? disks[index].format : "qcow2")"
    }

    package func diskTarget(_ index: Int) -> String {
        "vd\(Character(UnicodeScalar(UInt8(ascii: "a") + UInt8(index))))"
    }

    /// Makes the folder and empty disks.
    ///
    /// - Throws: `TestGuestError`.
    package func createDisks() throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for (index, disk) in disks.enumerated() {
            try Tool.run(["qemu-img", "create", "-q", "-f", disk.format, diskPath(index), String(disk.sizeBytes)])
        }
        if fileSystemBytes > 0 {
            let raw = "\(folder)/file-system.raw"
            try Tool.run(["truncate", "-s", String(fileSystemBytes), raw])
            try Tool.run(["mkfs.ext4", "-q", "-F", raw])
            try Tool.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, diskPath(disks.count)])
            try FileManager.default.removeItem(atPath: raw)
        }
    }

    /// What its kernel is started with. The kernel would compare an emulated timer with the emulated processor's loops, and
    /// panic where the machine is too busy for either; `no_timer_check` keeps it from that.
    package var kernelArguments: String {
        "console=ttyS0 quiet panic=1 no_timer_check bascule.disks=\(disks.count)"
            + " bascule.area=\(recordAreaBytes >> 20) bascule.rate=\(recordsPerSecond)"
    }

    /// The domain XML, with an empty CD-ROM drive, as many guests have one. `domainType` is `qemu` unless the machine can run
    /// ordinary guests under KVM.
    package func definition(domainType: String = "qemu") -> String {
        let diskCount = disks.count + (fileSystemBytes > 0 ? 1 : 0)
        let diskElements = (0..<diskCount).map { index in
            """
                <disk type='file' device='disk'>
                  <driver name='qemu' type='\(index < disks.count ? disks[index].format : "qcow2")' cache='none' discard='unmap'/>
                  <source file='\(diskPath(index))'/>
                  <target dev='\(diskTarget(index))' bus='virtio'/>
                </disk>
            """
        }.joined(separator: "\n")
        return """
            <domain type='\(domainType)'>
              <name>\(name)</name>
              <uuid>\(uuid.uuidString.lowercased())</uuid>
              <memory unit='MiB'>\(memoryMebibytes)</memory>
              <vcpu>1</vcpu>
              <os>
                <type arch='x86_64' machine='q35'>hvm</type>
                <kernel>\(image.kernel)</kernel>
                <initrd>\(image.initramfs)</initrd>
                <cmdline>\(kernelArguments)</cmdline>
              </os>
              <features><acpi/><apic/></features>
              <cpu mode='maximum'/>
              <clock offset='utc'/>
              <on_poweroff>destroy</on_poweroff>
              <on_reboot>restart</on_reboot>
              <on_crash>destroy</on_crash>
              <devices>
                <disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>
            \(diskElements)
                <serial type='file'><source path='\(console.path)' append='on'/><target port='0'/></serial>
                <serial type='unix'><source mode='bind' path='\(controlPath)'/><target port='1'/></serial>
                <console type='file'><source path='\(console.path)' append='on'/><target type='serial' port='0'/></console>
                <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
                <memballoon model='none'/>
              </devices>
            </domain>
            """
    }

    /// Tells the guest what to do: see `GuestPorts.tell`.
    package func tell(_ command: String, within limit: Duration = .seconds(60)) async throws {
        try await ports.tell(command, within: limit)
    }

    /// Waits until the guest says it is ready.
    ///
    /// - Returns: the last record that its disks held.
    @discardableResult
    package func waitUntilReady(after mark: Int = 0, within limit: Duration = .seconds(60)) async throws -> UInt64 {
        try await ports.waitUntilReady(after: mark, within: limit)
    }
}
