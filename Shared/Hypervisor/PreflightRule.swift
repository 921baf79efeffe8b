/// The rules that a guest is checked against, by the stable names that messages carry.
///
/// | rule | blocks | broken when | remedy |
/// |---|---|---|---|
/// | `raw-disk` | yes | a disk is raw: it keeps no dirty bitmap | convert it to qcow2 |
/// | `unsupported-format` | yes | a disk is in another format than qcow2 | convert it to qcow2 |
/// | `unsupported-source` | yes | a disk is not a local file or block device | move it to one |
/// | `unreadable-disk` | yes | a disk's image can not be examined | mend the file or its rights |
/// | `old-qcow2` | yes | a qcow2 image has compat 0.10, which holds no bitmaps | `qemu-img amend -o compat=1.1` |
/// | `encrypted-disk` | yes | a disk is encrypted by QEMU: an image that is off can not be read | keep the encryption inside the guest |
/// | `no-disks` | yes | nothing is left to capture | add a disk |
/// | `too-many-disks` | yes | more disks are to be captured than a recovery point holds | detach some, or spread them |
/// | `no-checkpoint-support` | yes | this QEMU or libvirt makes no checkpoints | upgrade QEMU to 4.2 and libvirt to 7.2 |
/// | `transient-guest` | yes | the guest has no persistent definition | define it |
/// | `foreign-backup` | no | another program's backup job is running | wait for it or abort it |
/// | `block-job` | no | a block job (mirror, commit, stream, resize) is running | wait for it |
/// | `scratch-space` | no | little space for keeping what is overwritten during a capture | free space |
/// | `snapshots` | no | libvirt holds snapshots: reverting to one needs the checkpoint deleted first, and costs a comparison | delete them |
/// | `saved-memory` | no | a guest that is off goes on from saved memory at its next start, which its disks alone do not show | start it, or drop the memory |
/// | `migrated` | no | a guest that is off was migrated to another host, so its disks here may be old | migrate it back, or protect it there |
/// | `live-only-disk` | no | the definition for the guest's next start does not name a disk that it runs with | put it into that, too |
/// | `removable-skipped` | no | a CD-ROM or floppy is not replicated | — |
/// | `shared-disk-skipped` | no | a disk shared with other guests is not replicated | replicate it by its own means |
/// | `readonly-skipped` | no | a read-only disk is not replicated | — |
/// | `tpm-state` | no | a TPM's state stays at this host: it is the host's own, or encrypted with a secret of its libvirt | emulate one |
/// | `more-findings` | no | more was found than a report of the host tells | mend what is told |
/// | `host-device` | no | a passed-through device binds the guest to this host | remove it before failing over |
///
/// Rules that do not block protecting may still refuse one capture: `foreign-backup`, `block-job`, `scratch-space` and
/// `migrated` do, and the next cycle tries again (`refusesCapture`).
package enum PreflightRule: String, Sendable, Hashable, CaseIterable {
    case rawDisk = "raw-disk"
    case unsupportedFormat = "unsupported-format"
    case unsupportedSource = "unsupported-source"
    case unreadableDisk = "unreadable-disk"
    case oldQcow2 = "old-qcow2"
    case encryptedDisk = "encrypted-disk"
    case noDisks = "no-disks"
    case tooManyDisks = "too-many-disks"
    case snapshots
    case noCheckpointSupport = "no-checkpoint-support"
    case transientGuest = "transient-guest"
    case foreignBackup = "foreign-backup"
    case blockJob = "block-job"
    case scratchSpace = "scratch-space"
    case savedMemory = "saved-memory"
    case migrated
    case liveOnlyDisk = "live-only-disk"
    case removableSkipped = "removable-skipped"
    case sharedDiskSkipped = "shared-disk-skipped"
    case readonlySkipped = "readonly-skipped"
    case tpmState = "tpm-state"
    case moreFindings = "more-findings"
    case hostDevice = "host-device"

    /// Refuses `protect`.
    package var isBlocking: Bool {
        switch self {
        case .rawDisk, .unsupportedFormat, .unsupportedSource, .unreadableDisk, .oldQcow2, .encryptedDisk, .noDisks,
            .tooManyDisks, .noCheckpointSupport, .transientGuest:
            true
        case .snapshots, .savedMemory, .migrated, .liveOnlyDisk, .foreignBackup, .blockJob, .scratchSpace,
            .removableSkipped, .sharedDiskSkipped,
            .readonlySkipped, .tpmState, .moreFindings, .hostDevice:
            false
        }
    }

    /// Refuses opening a capture now.
    package var refusesCapture: Bool {
        switch self {
        case .migrated, .foreignBackup, .blockJob, .scratchSpace: true
        case .snapshots, .savedMemory, .liveOnlyDisk, .removableSkipped, .sharedDiskSkipped, .readonlySkipped,
            .tpmState,
            .moreFindings, .hostDevice:
            false
        case .rawDisk, .unsupportedFormat, .unsupportedSource, .unreadableDisk, .oldQcow2, .encryptedDisk, .noDisks,
            .tooManyDisks, .noCheckpointSupport, .transientGuest:
            true
        }
    }

    /// The disks of the guest, although it is off, are not all there is of it: they are neither handed over nor adopted.
    package var forbidsHandingOver: Bool {
        switch self {
        case .savedMemory, .migrated: true
        case .rawDisk, .unsupportedFormat, .unsupportedSource, .unreadableDisk, .oldQcow2, .encryptedDisk, .noDisks,
            .tooManyDisks, .noCheckpointSupport, .transientGuest, .snapshots, .liveOnlyDisk, .foreignBackup, .blockJob,
            .scratchSpace,
            .removableSkipped, .sharedDiskSkipped, .readonlySkipped, .tpmState, .moreFindings, .hostDevice:
            false
        }
    }
}
