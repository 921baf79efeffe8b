/// Every bound of the policy service, with its reason.
enum PolicyLimits {
    // MARK: Cycles

    /// Cycles open at once over all protections, because each holds a capture, and each capture holds scratch space.
    /// What only waits for a silent host does not count.
    static let openCyclesMaximum = 256
    /// First and comparing cycles open at once, because they last long and their captures' scratch files grow meanwhile.
    static let longCyclesMaximum = 4
    /// Regions in which an agent counts changed bytes, per disk; fixed by the protocol.
    static let regionsPerDisk = 1_024
    /// Disks of one guest, because a delta log holds no more (Format.md), and vault and agents take no more.
    static let disksPerGuestMaximum = 64
    /// Of all disks of one guest together.
    static let captureBytesMaximum: UInt64 = 1 << 53
    /// How long a capture lives without being kept alive.
    static let captureKeepMilliseconds: Int64 = 20_000
    /// The same of a first or comparing cycle, because it may have brought for days what the next one would have to bring
    /// again. An agent keeps none for longer.
    static let longCaptureKeepMilliseconds: Int64 = 60_000
    /// How often an open capture is kept alive: a quarter of its life, so that three losses in a row are survived.
    static let captureKeepEveryMilliseconds: Int64 = 5_000
    /// While a commit's outcome is unknown the capture is kept this long; then the agent's watch-dog may end it,
    /// because scratch space must not grow for as long as a target is away.
    static let captureKeepInDoubtMilliseconds: Int64 = 60_000
    /// A commit is asked again for this long while the target still works on it: syncing a large log takes minutes.
    static let commitRepeatMilliseconds: Int64 = 600_000
    /// Waiting time after the first failure; doubled by each further one.
    static let backoffFirstMilliseconds: Int64 = 1_000
    static let backoffMaximumMilliseconds: Int64 = 60_000
    /// After so many refusals (not silences) of a clean-up it counts as done, because the next opening clears it anyway.
    static let cleanupRefusalsMaximum = 5
    /// An application-consistent point that was not reached is tried again after this, or after its period if shorter.
    static let applicationRetryMilliseconds: Int64 = 300_000

    /// Ranges of one cycle that have to be brought whether they changed or not; an agent names far fewer per disk.
    static let divergedRangesMaximum = 65_536

    // MARK: Requests to agents and vault

    static let agentDeadlineMilliseconds: Int64 = 15_000
    static let captureDeadlineMilliseconds: Int64 = 30_000
    static let commitDeadlineMilliseconds: Int64 = 30_000
    static let keepDeadlineMilliseconds: Int64 = 4_000
    static let vaultDeadlineMilliseconds: Int64 = 5_000
    /// Connections to agents kept open at once; the one unused longest is closed for another.
    static let agentClientsMaximum = 1_024
    /// State changes asked of the vault at once.
    static let vaultCallsMaximum = 16

    /// The vault's limit for a state's reason is 320 bytes; an agent's sentence may be longer.
    static let stateReasonBytesMaximum = 300

    // MARK: Jobs

    /// Changed bytes of one transfer job: large enough to amortise its opening, small enough to lose.
    static let jobBytesTarget: UInt64 = 256 << 20
    /// A cycle with little to send is cut finer, down to this, so that every worker gets a part.
    static let jobBytesMinimum: UInt64 = 32 << 20
    /// Jobs are cut at multiples of this, because a delta log's record holds at most so much.
    static let jobAlignmentBytes: UInt64 = 1 << 20
    /// Jobs of one cycle, so that the commit message stays below one megabyte.
    static let jobsPerCycleMaximum = 8_192
    /// What one job is believed to have moved at most: 256 TiB.
    static let jobBytesToldMaximum: UInt64 = 1 << 48
    static let leaseMilliseconds: Int64 = 10_000
    static let pullWaitMillisecondsMaximum: Int64 = 20_000
    static let grantsPerPullMaximum = 64
    static let workersMaximum = 1_024
    static let workerNameBytesMaximum = 256
    /// A worker unheard of for this long leaves the list.
    static let workerForgottenMilliseconds: Int64 = 60_000
    /// A drained name that no worker had for this long is forgotten, because in a container names are random.
    static let drainedForgottenMilliseconds: Int64 = 86_400_000
    /// That a drained worker is there is stored this often: an hour more or less does not matter, and a write each pull
    /// would.
    static let drainedSeenEveryMilliseconds: Int64 = 3_600_000
    /// A job that reports but does not move for this long counts as failed: its connection has stalled for good.
    static let stalledMilliseconds: Int64 = 120_000
    /// A job that failed so often fails its cycle. After each failure it goes to another worker where there is one, so
    /// the fault is then in the data or the path, or in every worker that was tried.
    static let jobFailuresMaximum = 4
    /// How long a cycle that is not small waits for a way that was cut, because what it brought would have to be brought
    /// again: most cuts are over by then. Its capture's scratch file grows no faster meanwhile.
    static let outageMilliseconds: Int64 = 300_000
    /// Meanwhile its jobs are tried this often.
    static let outageRetryMilliseconds: Int64 = 10_000
    /// A job that was given back so often, by workers that stop, is a failed one from then on.
    static let jobReturnsMaximum = 64
    /// A job is kept for faster workers at most this long at a time, and no longer than a waiting worker needs for it: what
    /// they are said to do may never come.
    static let heldForFasterMilliseconds: Int64 = 30_000
    /// A job that a slow worker has done within this time is never kept for others.
    static let heldJobMillisecondsMinimum: Int64 = 2_000
    /// A worker that neither runs a job nor asks for one counts as there for this long: it is between two.
    static let presentMilliseconds: Int64 = 2_000
    /// A job whose lease ended so often fails its cycle.
    static let jobExpiriesMaximum = 16
    /// A cycle of which nothing runs and no worker could have pulled for this long fails, so that its capture's scratch
    /// file ends.
    static let unclaimedMilliseconds: Int64 = 60_000
    /// How long a first or comparing cycle gives way to ordinary ones before it takes turns with them.
    static let longCycleGraceMilliseconds: Int64 = 600_000
    /// A job that takes longer than this of the whole bandwidth limit, or of its way, is no short one.
    static let longJobMilliseconds: Int64 = 10_000
    /// What one job is taken to move where none has shown it yet: little, so that larger ones wait until the first did.
    static let unknownWayBytesPerSecond: UInt64 = 1 << 20
    /// Pairs of sites between which the speed of jobs is remembered; of more it is measured anew.
    static let waySpeedsMaximum = 1_024
    /// For so long after a small cycle another is expected, and a slot kept for it.
    static let smallExpectedMilliseconds: Int64 = 600_000
    /// An ordinary cycle of more bytes takes turns with smaller ones: two jobs of full size are not waited for long.
    static let largeCycleBytes: UInt64 = 2 * jobBytesTarget

    // MARK: Operators' requests

    static let policiesMaximum = 1_000
    static let policyNameCharactersMaximum = 64
    static let bandwidthWindowsMaximum = 64
    static let timeZoneCharactersMaximum = 64
    /// One record of a megabyte then takes 16 s.
    static let bandwidthBytesPerSecondMinimum: UInt64 = 64 << 10
    static let frequencySecondsMaximum: UInt32 = 7 * 86_400
    static let retentionSecondsMaximum: UInt32 = 10 * 366 * 86_400
    static let freezeLimitMillisecondsDefault: UInt32 = 5_000
    static let freezeLimitMillisecondsMaximum: UInt32 = 60_000
    /// Two minutes, because an ordinary operating system with services to stop takes one.
    static let shutdownLimitSecondsDefault: UInt32 = 120
    /// As long as an agent waits for a guest at most.
    static let shutdownLimitSecondsMaximum: UInt32 = 600
    /// Reports kept per protection; older ones are removed as new ones come.
    static let historyMaximum = 1_000
    static let historyAnswerDefault = 50

    // MARK: Store

    /// The store is tried again for this long while it cannot be written; then the service stops, because nothing may
    /// be done that is not recorded.
    static let storeRetryMilliseconds: Int64 = 30_000
    static let storeRetryEveryMilliseconds: Int64 = 200
}
