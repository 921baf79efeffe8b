import BlockDevice
import Foundation
import Glibc
import Logging

extension LibvirtHypervisor {
    package func hostInformation() async throws -> HostInformation {
        try await call { [settings] connection in
            HostInformation(
                name: try connection.hostName(), hypervisorURI: settings.uri, version: try connection.versions().text,
                memoryBytes: try connection.memoryBytes(), memoryFreeBytes: try Self.memoryAvailableBytes())
        }
    }

    package func checkPrerequisites() async -> [Prerequisite] {
        var items: [Prerequisite] = []
        do {
            let (versions, uri) = try await call { [settings] connection in (try connection.versions(), settings.uri) }
            items.append(Prerequisite(name: "libvirt", isMet: true, detail: "\(uri) answers, \(versions.text)"))
            items += versions.prerequisites
        } catch {
            items.append(
                Prerequisite(
                    name: "libvirt", isMet: false, detail: "\(error)",
                    remedy: "Install libvirt-daemon-system and qemu-system-x86, and see that libvirtd runs."))
        }
        for (program, package) in [
            ("qemu-img", "qemu-utils"), ("qemu-nbd", "qemu-utils"), ("virsh", "libvirt-clients"), ("bash", "bash"),
        ] {
            let isInstalled = Program.isInstalled(program)
            items.append(
                Prerequisite(
                    name: program, isMet: isInstalled, detail: isInstalled ? "installed" : "not found",
                    remedy: isInstalled ? "" : "apt install \(package)"))
        }
        items.append(VirtualizationSupport.prerequisite())
        items.append(scratchSpace())
        return items
    }

    private func scratchSpace() -> Prerequisite {
        do {
            let free = try directory.freeBytes()
            let isEnough = free >= settings.scratchReserveBytes * 2
            return Prerequisite(
                name: "scratch space", isMet: isEnough, detail: "\(free >> 20) MiB free in \(directory.path)",
                remedy: isEnough ? "" : "Free space there, or mount a larger file system at \(directory.path).")
        } catch {
            return Prerequisite(
                name: "scratch space", isMet: false, detail: "\(error)", remedy: "Make \(directory.path) accessible.")
        }
    }

    package func inventory() async throws -> [GuestDescription] {
        try await call { [self] connection in
            try GuestSurvey.describe(connection.domains()) {
                try examine($0, $1).description
            } passedOver: {
                hid($0, $1)
            }
        }
    }

    package func describe(guest: String) async throws -> GuestDescription {
        try await call { [self] connection in
            try GuestSurvey.describe(one: connection.domain(guest)) {
                try examine($0, $1).description
            } passedOver: {
                hid($0, $1)
            }
        }
    }

    private func hid(_ domain: LibvirtDomain, _ error: HypervisorError) {
        logger.info("a guest's jobs are not told", metadata: ["guest": "\(domain.name)", "error": "\(error)"])
    }

    /// A guest, the captured disks and what preflight says. Blocks.
    func examine(
        _ domain: LibvirtDomain, _ depth: GuestSurvey.Depth
    ) throws -> (description: GuestDescription, document: DomainDocument) {
        let domainPower = try domain.power()
        let power = domainPower.state
        let live = try domain.xml(inactive: false)
        let document = try DomainDocument(parsing: live)
        var facts = Preflight.Facts(
            isPersistent: domain.isPersistent, snapshots: domain.snapshotCount, end: domainPower.end,
            scratchFreeBytes: try directory.freeBytes(), scratchReserveBytes: settings.scratchReserveBytes)
        for disk in document.disks { facts.images[disk.target] = Self.imageFacts(disk) }
        if power.hasProcess, depth != .withoutJobs {
            let jobs = try jobs(of: domain, isOurTurn: depth == .thorough)
            facts.foreignJob = jobs.backup.map(owns) == false ? "a backup" : jobs.other
            if depth == .thorough, jobs.backup == nil {
                facts.blockJobs = try document.disks.map(\.target).filter(domain.hasBlockJob)
            }
        }
        let captured = Preflight(document: document, facts: facts).capturedDisks
        let completion = try DefinitionCompletion(
            of: domain.isPersistent ? domain.xml(inactive: true) : live, live: live, captured.map(\.target))
        facts.liveOnlyDisks = completion.added
        let preflight = Preflight(document: document, facts: facts)
        let description = GuestDescription(
            uuid: document.uuid, name: document.name, power: power, memoryBytes: document.memoryBytes,
            virtualCPUs: document.virtualCPUs, disks: captured.map { describe($0, facts, of: domain) },
            findings: preflight.findings, hasGuestAgent: document.hasGuestAgent,
            definition: completion.definition,
            startsWithHost: try domain.isPersistent && domain.startsWithHost, run: try domain.run().number)
        return (description, document)
    }

    /// Whether a backup job is one of ours.
    func owns(_ backup: XMLElement) -> Bool {
        BackupDocument.socket(of: backup).map(directory.owns) ?? false
    }

    private static func imageFacts(_ disk: DomainDocument.Disk) -> Preflight.ImageFacts? {
        guard case .local(let path) = disk.source, disk.format == "qcow2" else { return nil }
        do {
            return .header(try ImageHeader.read(path))
        } catch {
            return .unreadable("\(error)")
        }
    }

    private func describe(
        _ disk: DomainDocument.Disk, _ facts: Preflight.Facts, of domain: LibvirtDomain
    ) -> DiskDescription {
        let size: UInt64
        if case .header(let header)? = facts.images[disk.target], header.sizeBytes > 0 {
            size = header.sizeBytes
        } else if disk.format == "raw", case .local(let path) = disk.source, let bytes = Self.rawBytes(path) {
            size = bytes
        } else {
            do {
                size = try domain.sizeBytes(of: disk.target)
            } catch {
                // A disk whose size can not be read has a finding that says why.
                size = 0
            }
        }
        let source =
            switch disk.source {
            case .local(let path): path
            case .other(let type): type
            }
        return DiskDescription(target: disk.target, sizeBytes: size, format: disk.format, source: source)
    }

    /// Of a raw image, a file or a block device; nil when it can not be opened. libvirt would ask QEMU, and one guest whose
    /// QEMU hangs would keep all others of the host from being told of.
    private static func rawBytes(_ path: String) -> UInt64? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { Glibc.close(descriptor) }
        return UInt64(exactly: lseek(descriptor, 0, SEEK_END))
    }

    static func memoryAvailableBytes() throws -> UInt64 {
        let text = try String(contentsOfFile: "/proc/meminfo", encoding: .utf8)
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix("MemAvailable:") }),
            let kibibytes = UInt64(line.filter(\.isNumber))
        else { throw HypervisorError(.operationFailed, "The kernel does not tell how much memory is free.") }
        return kibibytes * 1_024
    }
}
