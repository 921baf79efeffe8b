import FoundationEssentials
import Hypervisor
import Messages
import Sealing

extension Guest {
    /// As a report tells of it: within what the vault takes of one guest, because a report is taken or refused as a whole,
    /// and the host's other guests are not to pay for an odd one.
    init(_ guest: Hypervisor.GuestDescription, host: String) {
        self.init()
        uuid = guest.uuid
        name = ReportedText.line(guest.name, maximumBytes: HostAgentLimits.reportedGuestNameBytes)
        hostID = host
        power = Messages.PowerState(guest.power)
        memoryBytes = guest.memoryBytes
        virtualCpus = UInt32(clamping: guest.virtualCPUs)
        disks = guest.disks.prefix(HostAgentLimits.disksPerGuestMaximum).map { Disk($0) }
        findings = Self.told(of: guest).map { Messages.Finding($0) }
        guestAgent = guest.hasGuestAgent
        definitionDigest = Data(SHA256Hasher.digest(of: Array(guest.definition.utf8).span.bytes))
    }

    /// What blocks comes first when not everything can be told.
    private static func told(of guest: Hypervisor.GuestDescription) -> [Hypervisor.Finding] {
        var findings = guest.findings
        // Whatever the driver says: nobody may take the disks that are told for all that there are.
        let isTold = findings.contains { $0.rule == .tooManyDisks }
        if guest.disks.count > HostAgentLimits.disksPerGuestMaximum, !isTold {
            findings.insert(.tooManyDisks(guest: guest.name, count: guest.disks.count), at: 0)
        }
        guard findings.count > HostAgentLimits.reportedFindingsPerGuest else { return findings }
        let ordered = findings.filter(\.isBlocking) + findings.filter { !$0.isBlocking }
        let kept = ordered.prefix(HostAgentLimits.reportedFindingsPerGuest - 1)
        return kept + [.moreFindings(guest: guest.name, count: ordered.count - kept.count)]
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
        target = ReportedText.line(disk.target, maximumBytes: HostAgentLimits.reportedWordBytes)
        sizeBytes = disk.sizeBytes
        format = ReportedText.line(disk.format, maximumBytes: HostAgentLimits.reportedWordBytes)
        source = ReportedText.line(disk.source, maximumBytes: HostAgentLimits.reportedPathBytes)
    }
}

extension Messages.Finding {
    init(_ finding: Hypervisor.Finding) {
        self.init()
        rule = finding.rule.rawValue
        subject = ReportedText.line(finding.subject, maximumBytes: HostAgentLimits.reportedPathBytes)
        message = ReportedText.line(finding.message, maximumBytes: HostAgentLimits.reportedSentenceBytes)
        remedy = ReportedText.line(finding.remedy, maximumBytes: HostAgentLimits.reportedSentenceBytes)
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
