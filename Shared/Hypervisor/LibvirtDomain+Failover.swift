import CLibvirt
import Glibc

/// What failover needs beyond captures.
extension LibvirtDomain {
    /// Starts QEMU without letting the guest execute an instruction.
    /// - Parameter dropsSavedMemory: a guest whose memory was saved begins anew. Otherwise it goes on from there, which ruins
    ///   disks that changed since.
    func startPaused(dropsSavedMemory: Bool) throws {
        let flags =
            VIR_DOMAIN_START_PAUSED.rawValue | (dropsSavedMemory ? VIR_DOMAIN_START_FORCE_BOOT.rawValue : 0)
        try check(virDomainCreateWithFlags(pointer, flags), "Guest \(name) could not be started.")
    }

    /// The next start goes on from memory that libvirt keeps, as after `virsh managedsave`.
    var hasSavedMemory: Bool {
        get throws {
            let answer = virDomainHasManagedSaveImage(pointer, 0)
            try check(answer, "Whether the memory of guest \(name) is saved could not be read.")
            return answer == 1
        }
    }

    /// Throws when it runs, and when it is off and its disks are not all there is of it.
    func requireEnded() throws {
        let power = try power()
        guard !power.state.hasProcess else { throw HypervisorError.runs(name: name) }
        try require(ended: power)
    }

    /// Throws when it goes on at another host, as far as libvirt or this host remembers: it must not run twice.
    func requireHere() throws {
        let end = try power().end
        guard case .migrated = end, let finding = Finding(end, of: name) else { return }
        throw HypervisorError.unfinished(finding)
    }

    /// Throws when it is off and its disks are not all there is of it.
    func require(ended power: DomainPower) throws {
        if let finding = Finding(power.end, of: name) { throw HypervisorError.unfinished(finding) }
    }

    func resume() throws { try check(virDomainResume(pointer), "Guest \(name) could not be resumed.") }

    func createCheckpoint(_ checkpoint: XMLElement) throws {
        guard let made = virDomainCheckpointCreateXML(pointer, checkpoint.serialized, 0) else {
            throw LibvirtFailure.last().whileDoing("The first checkpoint of guest \(name) could not be taken.")
        }
        virDomainCheckpointFree(made)
    }

    /// Forgets a guest that was started from a recovery point, with all that libvirt keeps of it.
    func undefineWithState() throws {
        let flags =
            VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA.rawValue | VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA.rawValue
            | VIR_DOMAIN_UNDEFINE_MANAGED_SAVE.rawValue | VIR_DOMAIN_UNDEFINE_NVRAM.rawValue
            | VIR_DOMAIN_UNDEFINE_TPM.rawValue
        try check(virDomainUndefineFlags(pointer, flags), "Guest \(name) could not be undefined.")
    }

    /// Forgets the definition alone. A guest with snapshots or a saved state is refused, because those would go with it.
    func undefineKeepingState() throws {
        let flags =
            VIR_DOMAIN_UNDEFINE_CHECKPOINTS_METADATA.rawValue | VIR_DOMAIN_UNDEFINE_KEEP_NVRAM.rawValue
            | VIR_DOMAIN_UNDEFINE_KEEP_TPM.rawValue
        try check(virDomainUndefineFlags(pointer, flags), "Guest \(name) could not be undefined.")
    }

    var startsWithHost: Bool {
        get throws {
            var isOn: Int32 = 0
            try check(
                virDomainGetAutostart(pointer, &isOn),
                "Whether guest \(name) starts with its host could not be read.")
            return isOn != 0
        }
    }

    func setStartsWithHost(_ isOn: Bool) throws {
        try check(
            virDomainSetAutostart(pointer, isOn ? 1 : 0),
            "Whether guest \(name) starts with its host could not be changed.")
    }

    /// Changes a device of the running guest, until its next start.
    func updateRunning(_ device: XMLElement) throws {
        try check(
            virDomainUpdateDeviceFlags(pointer, device.serialized, VIR_DOMAIN_AFFECT_LIVE.rawValue),
            "A \(device.name) of guest \(name) could not be changed.")
    }

    /// Asks QEMU itself, past libvirt, and answers what it said.
    func askQEMU(_ command: String) throws -> String {
        var answer: UnsafeMutablePointer<CChar>?
        try check(
            virDomainQemuMonitorCommand(pointer, command, &answer, 0),
            "QEMU of guest \(name) could not be asked.")
        defer { free(answer) }
        return answer.map { String(cString: $0) } ?? ""
    }
}
