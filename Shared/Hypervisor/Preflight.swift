/// Checks a guest against the rules of `PreflightRule`, from facts that were gathered before.
struct Preflight: Sendable {
    /// What was read from a disk's image; the error's sentence when that failed.
    enum ImageFacts: Sendable, Hashable {
        case header(ImageHeader)
        case unreadable(String)
    }

    struct Facts: Sendable {
        var images: [String: ImageFacts] = [:]
        var isPersistent = true
        var snapshots = 0
        /// Targets of captured disks that the definition for the next start does not name.
        var liveOnlyDisks: [String] = []
        /// How a guest that is off ended; nil: it runs.
        var end: GuestEnd?
        /// Another program's job runs, in its own words.
        var foreignJob: String?
        /// Targets of disks with a running block job.
        var blockJobs: [String] = []
        /// Free bytes where scratch files go; nil when unknown.
        var scratchFreeBytes: UInt64?
        var scratchReserveBytes: UInt64 = 0
        var supportsCheckpoints = true
    }

    let document: DomainDocument
    let facts: Facts

    /// Disks that are captured, in the order of the definition.
    var capturedDisks: [DomainDocument.Disk] {
        document.disks.filter { disk in
            disk.device == .disk && !disk.isShared && !disk.isReadonly && !disk.isTransient
        }
    }

    var findings: [Finding] {
        guestFindings + tpmFindings + document.disks.flatMap(findings)
            + document.hostDevices.map { kind in
                Finding(
                    .hostDevice, subject: kind,
                    message: "A \(kind) device of this host is passed through to guest \(document.name).",
                    remedy: "Before a failover, remove it from the definition or give the target host one like it.")
            }
    }

    private var guestFindings: [Finding] {
        var findings: [Finding] = []
        let name = document.name
        if !facts.isPersistent {
            findings.append(
                Finding(
                    .transientGuest, subject: "", message: "Guest \(name) has no persistent definition.",
                    remedy: "Define it with `virsh define`."))
        }
        if !facts.supportsCheckpoints {
            findings.append(
                Finding(
                    .noCheckpointSupport, subject: "", message: "This hypervisor makes no checkpoints.",
                    remedy: "Upgrade to QEMU 4.2 and libvirt 7.2 or later."))
        }
        if capturedDisks.isEmpty { findings.append(.noDisks(guest: name)) }
        if capturedDisks.count > HypervisorLimits.disksPerGuest {
            findings.append(.tooManyDisks(guest: name, count: capturedDisks.count))
        }
        if facts.snapshots > 0 {
            findings.append(
                Finding(
                    .snapshots, subject: "",
                    message: "Guest \(name) has \(facts.snapshots) snapshots. QEMU refuses to revert to one while a "
                        + "checkpoint is on a disk; after a revert the disks are compared.",
                    remedy: "Delete snapshots that are no longer needed; recovery points take their place."))
        }
        if let unfinished = Finding(facts.end, of: name) { findings.append(unfinished) }
        if let job = facts.foreignJob {
            findings.append(
                Finding(
                    .foreignBackup, subject: "", message: "Another program's job occupies guest \(name): \(job).",
                    remedy: "Wait until it ends, or end it with `virsh domjobabort \(name)`."))
        }
        for target in facts.blockJobs {
            findings.append(
                Finding(
                    .blockJob, subject: target, message: "A block job runs on disk \(target).",
                    remedy: "Wait until it ends, or end it with `virsh blockjob \(name) \(target) --abort`."))
        }
        for target in facts.liveOnlyDisks {
            findings.append(
                Finding(
                    .liveOnlyDisk, subject: target,
                    message: "Disk \(target) is attached to the running guest \(name) alone, which loses it when it is "
                        + "shut down, as for a planned failover.",
                    remedy: "Put it into the stored definition, too: `virsh attach-disk` with `--config`, or "
                        + "`virsh edit \(name)`."))
        }
        if let free = facts.scratchFreeBytes, free < facts.scratchReserveBytes * 2 {
            findings.append(
                Finding(
                    .scratchSpace, subject: "",
                    message: "Only \(free >> 20) MiB are free for what guest \(name) overwrites during a capture; "
                        + "\(facts.scratchReserveBytes >> 19) MiB are needed.",
                    remedy:
                        "Free space on this host, or mount a larger file system at `captures` in the agent's `state` directory."
                ))
        }
        return findings
    }

    private var tpmFindings: [Finding] {
        let why: String
        switch document.tpm {
        case .none, .emulated: return []
        case .encrypted: why = "is encrypted with a secret that only the libvirt of this host has"
        case .elsewhere(let kind): why = "is kept by the \(kind) device of this host"
        }
        return [
            Finding(
                .tpmState, subject: "",
                message: "The state of guest \(document.name)'s TPM \(why), so no recovery point holds it.",
                remedy: "Give the guest an emulated TPM without `<encryption>`, or seal nothing in it with the TPM.")
        ]
    }

    private func findings(_ disk: DomainDocument.Disk) -> [Finding] {
        let target = disk.target
        func one(_ rule: PreflightRule, _ message: String, _ remedy: String) -> [Finding] {
            [Finding(rule, subject: target, message: message, remedy: remedy)]
        }
        if disk.device == .removable {
            return one(.removableSkipped, "\(target) is a CD-ROM or floppy and is not replicated.", "")
        }
        if disk.device == .passedThrough {
            return one(
                .unsupportedSource, "Disk \(target) is passed through as a whole LUN.", "Attach it as a qcow2 image.")
        }
        if disk.isShared {
            return one(
                .sharedDiskSkipped, "Disk \(target) is shared with other guests and is not replicated.",
                "Replicate it by the means of the cluster that shares it.")
        }
        if disk.isReadonly || disk.isTransient {
            return one(.readonlySkipped, "Disk \(target) keeps no writes and is not replicated.", "")
        }
        switch disk.source {
        case .other(let type):
            return one(
                .unsupportedSource, "Disk \(target) is of type \(type), not a local file or block device.",
                "Move it to a qcow2 file on this host.")
        case .local(let path):
            switch disk.format {
            case "qcow2": return imageFindings(target, path: path, one)
            case "raw": return [.rawDisk(target: target)]
            case let format:
                return one(
                    .unsupportedFormat, "Disk \(target) has the format \(format); changes are kept in qcow2 alone.",
                    "Convert it with `qemu-img convert -O qcow2`.")
            }
        }
    }

    private func imageFindings(
        _ target: String, path: String, _ one: (PreflightRule, String, String) -> [Finding]
    ) -> [Finding] {
        switch facts.images[target] {
        case .none: return []
        case .unreadable(let why):
            return one(
                .unreadableDisk, "The image of disk \(target) can not be examined: \(why)",
                "See that \(path) exists and that the agent may read it.")
        case .header(let header):
            switch header.format {
            case .other:
                return one(
                    .unsupportedFormat, "The definition says that disk \(target) is qcow2, and \(path) is not.",
                    "Correct the definition, or convert the image.")
            case .qcow2(let version) where version < 3:
                return one(
                    .oldQcow2, "The image of disk \(target) has the old qcow2 format, which keeps no change bitmaps.",
                    "Shut the guest off and run `qemu-img amend -o compat=1.1 \(path)`.")
            case .qcow2:
                guard header.isEncrypted else { return [] }
                return one(
                    .encryptedDisk,
                    "Disk \(target) is encrypted by QEMU, so it can not be read while the guest is off.",
                    "Encrypt inside the guest instead.")
            }
        }
    }
}
