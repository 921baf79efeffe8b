import FoundationEssentials
import Hypervisor
import Messages
import Sealing

extension Guest {
    init(_ guest: Hypervisor.GuestDescription, host: String) {
        self.init()
        uuid = guest.uuid
        name = guest.name
        hostID = host
        power = Messages.PowerState(guest.power)
        memoryBytes = guest.memoryBytes
        virtualCpus = UInt32(clamping: guest.virtualCPUs)
        disks = guest.disks.map { Disk($0) }
        findings = guest.findings.map { Messages.Finding($0) }
        guestAgent = guest.hasGuestAgent
        definitionDigest = Data(SHA256Hasher.digest(of: Array(guest.definition.utf8).span.bytes))
    }
}

extension Messages.PowerState {
    init(_ power: Hypervisor.PowerState) {
        switch power {
        case .running: self = .running
        case .paused: self = .paused
        case .shutOff: self = .shutOff
        case .crashed: self = .crashed
        }
    }
}

extension Disk {
    init(_ disk: DiskDescription) {
        self.init()
        target = disk.target
        sizeBytes = disk.sizeBytes
        format = disk.format
        source = disk.source
    }
}

extension Messages.Finding {
    init(_ finding: Hypervisor.Finding) {
        self.init()
        rule = finding.rule.rawValue
        subject = finding.subject
        message = finding.message
        remedy = finding.remedy
        blocking = finding.isBlocking
    }
}

extension HostCapacity {
    init(_ host: HostInformation, replicas: FileSystemSpace) {
        self.init()
        memoryBytes = host.memoryBytes
        memoryFreeBytes = host.memoryFreeBytes
        replicaBytes = replicas.totalBytes
        replicaFreeBytes = replicas.freeBytes
    }
}
