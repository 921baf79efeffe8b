internal import MessageBus
internal import Messages

/// Every bound of the agent in one place, with units in the name.
package enum HostAgentLimits {
    /// Of cycles and generations that are read back, as at the wire.
    static let countMaximum = RequiredField.countMaximum

    // Source role.

    /// A capture may ask to be kept this long without hearing from its owner, because a backup job holds scratch
    /// space and slows the guest's writes while it is open.
    package static let captureKeepMillisecondsMaximum: UInt32 = 60_000
    package static let captureKeepMillisecondsDefault: UInt32 = 20_000
    /// How often expired captures are looked for.
    package static let watchdogInterval: Duration = .milliseconds(500)
    /// Guests that were started from a point are asked for a sign of life this often until they give one, because the
    /// hypervisor's word of a guest agent may be missed. Each question may wait as long as an agent gets to answer.
    package static let answerPollInterval: Duration = .seconds(5)
    /// Ending a backup job that failed is tried again after this.
    package static let closeRetryInterval: Duration = .seconds(5)
    /// Requests for one protection that wait for the one being carried out.
    package static let waitingPerProtectionMaximum = 16
    package static let freezeLimitMillisecondsDefault: UInt32 = 5_000
    /// An operator's program that inspects a capture ends within this, because the guest's writes are slower meanwhile.
    package static let captureHookDeadline: Duration = .seconds(60)
    package static let captureHookThreads = 4
    package static let regionsPerDiskMaximum = 1_024
    package static let regionsPerDiskDefault = 256

    // Inventory.

    package static let reportInterval: Duration = .seconds(5)
    /// Changes at the hypervisor that come closer together than this are reported once.
    package static let reportCoalescing: Duration = .milliseconds(200)
    package static let reportDeadline: Duration = .seconds(10)
    package static let guestsPerHostMaximum = 1_024
    /// What a report tells of one guest. The vault refuses a report with more as a whole, and with it every other guest
    /// of the host, so longer texts are cut and further entries left out.
    static let reportedGuestNameBytes = 255
    /// A disk's target and format, and the rule of a finding.
    static let reportedWordBytes = 64
    static let reportedPathBytes = 4_096
    /// What a finding says, and its remedy.
    static let reportedSentenceBytes = 1_024
    static let reportedFindingsPerGuest = 128

    // Target role.

    package static let disksPerGuestMaximum = 64
    package static let definitionBytesMaximum = 1 << 20
    package static let variablesBytesMaximum = 8 << 20
    package static let jobsPerCommitMaximum = 65_536
    package static let replicasMaximum = 1_024
    /// Transfers of one cycle that were begun, whatever became of them; each takes about 200 bytes.
    package static let transfersPerCycleMaximum = 65_536
    /// Record bytes under way or waiting to be stored: of one transfer, and of all together. With the staging buffers
    /// of the delta logs (64 MiB at most) the agent stays below 256 MiB.
    package static let transferWindowBytes = 16 << 20
    package static let transferWindowBytesOfAll = 96 << 20
    /// As many transfers are welcomed as the job board lets run at one host unless it is told otherwise.
    static var bulkServer: BulkServerLimits {
        var limits = BulkServerLimits()
        limits.windowBytes = transferWindowBytes
        limits.windowBytesOfAllTransfers = transferWindowBytesOfAll
        return limits
    }
    /// The target's file system keeps this much free, because SQLite, logs and QEMU live there too.
    package static let reservedFreeBytes: UInt64 = 256 << 20
    /// Free space is asked of the file system again after this much was stored.
    package static let freeSpaceCheckBytes: UInt64 = 64 << 20
    /// Threads for opening, committing and describing replicas.
    package static let replicaThreads = 4
    /// Threads for retention, scrubs and deletions, apart so that a long one never delays a commit.
    package static let backgroundThreads = 2

    // Sides.

    /// Protections that a host is a side of: one for each replica and one for each guest.
    package static let sidesMaximum = 2_048
    /// A guest that is fenced gets this long to shut down by itself.
    package static let fenceShutdownLimit: Duration = .seconds(60)
    /// It is pressed so often, and before each time it is looked whether its side got its right to run back; as often as
    /// the hypervisor presses by itself.
    static let fencePressInterval: Duration = .seconds(3)
    static let fencePresses = Int(fenceShutdownLimit / fencePressInterval)
    /// A guest that is wanted on, and was told to shut down before, is started again when it goes off within this, because
    /// what holds a shutdown up inside it takes minutes; what ends it later is somebody's own wish.
    package static let lateShutdownMilliseconds: Int64 = 900_000
    package static let shutdownLimitMillisecondsMaximum: UInt32 = 600_000
    package static let shutdownLimitMillisecondsDefault: UInt32 = 120_000

    // Started replicas.

    /// Threads for the steps of starting, stopping and adopting.
    package static let startedThreads = 4
    /// Commits and preparations that fold at once.
    package static let commitThreads = 2
    /// A guest's network mappings in one request; a pair of clouds has no more.
    package static let networksMaximum = 64
    /// A snapshot inside an image takes no longer than writing its tables.
    package static let divergedSnapshotDeadline: Duration = .seconds(120)
    /// Snapshots of one failover in one image, because each holds on to space that the guest then writes anew.
    static let divergedSnapshotsMaximum = 16
    /// A whole disk is copied; slower than 30 MiB/s for a terabyte is given up.
    package static let divergedCopyDeadline: Duration = .seconds(36_000)
    /// A guest's view that could not be started again is tried again after this.
    package static let guestViewRetryInterval: Duration = .seconds(2)

    // Recovery by hand.

    /// A guest's own disks may have to be folded first, so a start may take hours.
    package static let recoveryDeadline: Duration = .seconds(36_000)
    package static let recoveryPollInterval: Duration = .milliseconds(200)

    // Views.

    package static let viewsMaximum = 64
    /// A view may ask to be kept this long without hearing from its client, because it holds back retention while it is
    /// open.
    package static let viewKeepMillisecondsMaximum: UInt32 = 600_000
    package static let viewStartDeadline: Duration = .seconds(10)
    /// Views that are being started at once; each occupies a thread, because nbdkit must not lose the one it came from.
    package static let viewStartThreads = 4
    /// How often a view that is being started is looked at; short, because a guest's start waits for it.
    package static let viewStartPollMicroseconds: UInt32 = 3_000
    /// Characters of what a process said that an error repeats.
    package static let processOutputShown = 1_000
    package static let viewStopGrace: Duration = .seconds(3)
    package static let processPollInterval: Duration = .milliseconds(20)
    /// A UNIX socket's path ends at 107 bytes and a zero; see unix(7).
    package static let socketPathBytesMaximum = 107

    package static let scrubFaultsReportedMaximum = 100

    /// Of a sentence that is kept beside a replica.
    package static let reasonCharactersMaximum = 500
    package static let startRetryInterval: Duration = .seconds(2)
    package static let doctorCommandDeadline: Duration = .seconds(5)
    /// A first process that buries what ended later than this makes each shutdown of a guest take noticeably longer.
    package static let burialLimit: Duration = .seconds(2)
    package static let burialPollMicroseconds: UInt32 = 10_000
}
