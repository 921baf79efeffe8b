/// Rewrites the definition of a source's guest for the host that its replica is started on.
///
/// A value: what the host has is told to it, and what it changed or left out it tells in `warnings`. Everything that is
/// not named here stays as it is, device addresses included, so that the guest finds its hardware where it was.
///
/// | part | becomes |
/// |---|---|
/// | name, UUID, MAC addresses | the same; of a test others, and with them the SMBIOS UUID and the generation ID |
/// | domain type, emulator | this host's |
/// | disks of the point | overlays on the view; all others go |
/// | CD-ROM media that are not here | empty drives |
/// | networks | bridges by the mapping, else the link is down |
/// | serial ports, channels to files and sockets | files and sockets in the replica's directory |
/// | host devices, shared folders, pinning, labels, huge pages | left out |
struct DefinitionRewriter {
    /// What the host is like.
    struct Host: Sendable {
        /// `kvm` or `qemu`.
        let domainType: String
        let emulator: String
        let hasSoftwareTPM: Bool
        let exists: @Sendable (String) -> Bool
        /// A new address each time.
        let macAddress: @Sendable () -> String
    }

    let request: ReplicaGuestRequest
    let host: Host
    let directory: ReplicaDirectory
    /// What the point holds of it.
    let firmware: FirmwareState
    /// One sentence each, for the operator who starts the guest.
    var warnings: [String] = []
    /// Serial ports, channels and so on seen so far, by kind.
    var deviceCounts: [String: Int] = [:]

    /// Throws when the point's UEFI variables and TPM state can not be read.
    init(_ request: ReplicaGuestRequest, host: Host) throws {
        self.request = request
        self.host = host
        firmware = try FirmwareState(decoding: request.nvram)
        directory = ReplicaDirectory(request.directory)
    }

    var isTest: Bool {
        switch request.identity {
        case .same: false
        case .test: true
        }
    }

    /// Throws `.invalidDefinition`, and `.hostUnfit` when a file that the guest can not do without is not here.
    mutating func rewrite() throws -> XMLElement {
        var domain = try XMLElement(parsing: request.definition).compacted
        guard domain.name == "domain", domain.first("name") != nil, domain.first("uuid") != nil else {
            throw HypervisorError(.invalidDefinition, "The definition is not one of a guest.")
        }
        domain["id"] = nil
        rewriteIdentity(&domain)
        try rewriteFirmware(&domain)
        rewriteProcessor(&domain)
        unpin(&domain)
        domain.remove(["seclabel", "resource"])
        ReplicaMark(protection: request.protection, cycle: request.cycle, directory: request.directory)
            .put(into: &domain)
        if domain.first("qemu:commandline") != nil {
            warnings.append("Arguments that the definition passes to QEMU are kept as they are.")
        }
        if domain.first("devices") == nil { domain.append(XMLElement("devices")) }
        try domain.edit("devices") { devices in try rewriteDevices(&devices) }
        return domain
    }

    private func rewriteIdentity(_ domain: inout XMLElement) {
        guard case .test(let uuid, let name) = request.identity else { return }
        domain.set(XMLElement("name", text: name))
        domain.set(XMLElement("uuid", text: uuid))
        // libvirt makes a new one where it is empty: two guests with one would take themselves for the same.
        domain.edit("genid") { $0.content = [] }
        domain.edit("sysinfo") { information in
            information.edit("system") { system in
                system.edit("entry") { if $0["name"] == "uuid" { $0.content = [.text(uuid)] } }
            }
        }
    }

    private mutating func rewriteFirmware(_ domain: inout XMLElement) throws {
        guard let os = domain.first("os") else { return }
        for name in ["kernel", "initrd", "dtb", "loader"] {
            guard let path = os.first(name)?.text, !path.isEmpty, !host.exists(path) else { continue }
            throw HypervisorError(
                .hostUnfit, "The guest boots with the \(name) \(path), which this host does not have.",
                remedy: "Put it there, or install the package that brings it.")
        }
        guard var nvram = os.first("nvram") else { return }
        if firmware.variables.isEmpty {
            warnings.append("The point holds no UEFI variables, so the guest boots with the firmware's defaults.")
        }
        if firmware.variables.isEmpty, let template = nvram["template"], host.exists(template) {
            nvram.attributes = [.init(name: "template", value: template)]
        } else {
            nvram.attributes = []
        }
        nvram.content = [.text(directory.nvram)]
        domain.edit("os") { $0.set(nvram) }
    }

    /// What only the processor of the source can do.
    private mutating func rewriteProcessor(_ domain: inout XMLElement) {
        let isSlower = domain["type"] == "kvm" && host.domainType != "kvm"
        domain["type"] = host.domainType
        guard isSlower else { return }
        warnings.append("This host can not run the guest under KVM; it runs emulated, and slowly.")
        domain.edit("cpu") { cpu in
            guard cpu["mode"] != nil || cpu.first("model") != nil else { return }
            cpu.attributes = [.init(name: "mode", value: "maximum")]
            cpu.keep(["topology", "numa"])
        }
        domain.edit("features") { $0.remove(["kvm", "hyperv"]) }
        domain.edit("clock") { clock in
            clock.mapElements { ["kvmclock", "hypervclock"].contains($0["name"]) ? nil : $0 }
        }
    }

    /// Processors and memory nodes of the source are not this host's.
    private mutating func unpin(_ domain: inout XMLElement) {
        let before = domain
        domain.edit("vcpu") { $0["cpuset"] = nil }
        domain.remove(["numatune"])
        domain.edit("cputune") { tuning in
            tuning.remove([
                "vcpupin", "emulatorpin", "iothreadpin", "vcpusched", "iothreadsched", "emulatorsched", "cachetune",
                "memorytune",
            ])
        }
        if domain != before { warnings.append("Processors and memory are not pinned as they are at the source.") }
        domain.edit("memoryBacking") { backing in
            guard backing.first("hugepages") != nil else { return }
            backing.remove(["hugepages"])
            warnings.append("The guest's memory is not in huge pages here.")
        }
    }
}
