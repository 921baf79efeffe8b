/// Every bound of the failover orchestrator, with its reason.
enum OrchestratorLimits {
    // MARK: Runs

    /// Runs kept; the oldest that ended goes for a new one. All are held in memory, a few KiB each, and a year of one
    /// test a day stays readable.
    static let runsMaximum = 1_000
    /// Unfinished runs at once, because each may have a call under way, and a client carries 1,024 calls.
    static let openRunsMaximum = 512
    static let listAnswerDefault = 50
    /// The least of an identifier that GetRun takes: eight hexadecimal digits tell a thousand runs apart.
    static let identifierPrefixMinimum = 8
    /// Warnings of one run; an agent that warns without end must not make its record grow.
    static let warningsMaximum = 32
    /// Sentences come from peers and are stored, shown and sent on.
    static let sentenceBytesMaximum = 1_000
    /// The vault takes 320 bytes as the reason of a change.
    static let reasonBytesMaximum = 300

    // MARK: Trying again

    static let backoffFirstMilliseconds: Int64 = 250
    /// Short, because somebody waits for the guest; one question in ten seconds costs nobody anything.
    static let backoffMaximumMilliseconds: Int64 = 10_000
    /// Before *activate* a step is tried again for this long, so that a service that is being restarted fails no run;
    /// then everything is taken back, because the guest should not wait for a side that may never answer.
    static let patienceMilliseconds: Int64 = 30_000
    /// A planned failover's source that stopped answering after its guest was shut down is fenced later by its duties,
    /// because the guest would otherwise be down on both sides for as long as that host is away.
    static let plannedFencePatienceMilliseconds: Int64 = 20_000

    // MARK: Last delta

    /// How often the policy service is asked whether the cycle is committed; it is downtime of a guest.
    static let deltaPollMilliseconds: Int64 = 100
    /// A planned shutdown waits this long for the open cycle, while the guest runs on; one that takes longer is not waited for.
    static let restWaitMilliseconds: Int64 = 30_000
    /// A trigger that no cycle followed for this long was lost with a restart of the policy service.
    static let deltaTriggerLostMilliseconds: Int64 = 3_000
    /// Cycles that failed or began before the guest ended; after so many the fault does not go away by itself.
    static let deltaTriesMaximum = 5
    /// A last delta may turn into a comparison of every disk; a guest that is down longer than this is wanted back.
    static let deltaMillisecondsMaximum: Int64 = 3_600_000
    /// An unplanned failover waits this long for a source that began to answer.
    static let unplannedDeltaMillisecondsMaximum: Int64 = 120_000
    /// Cycles asked for; a few may have ended since the last question.
    static let historyAsked: UInt32 = 16

    // MARK: Requests to vault, policy service and agents

    static let vaultDeadlineMilliseconds: Int64 = 5_000
    static let policyDeadlineMilliseconds: Int64 = 5_000
    static let agentDeadlineMilliseconds: Int64 = 10_000
    /// Starting folds nothing on a view, and a whole journal on adopted disks; the agent goes on meanwhile, and the
    /// request is repeated.
    static let startDeadlineMilliseconds: Int64 = 60_000
    /// Adopting puts an overlay into base images, which takes as long as their content.
    static let adoptDeadlineMilliseconds: Int64 = 60_000
    /// An unplanned failover asks a source that may be dead: what it waits here, the guest is down longer. One answer
    /// takes some milliseconds when the host is there.
    static let probeDeadlineMilliseconds: Int64 = 700
    /// The same of a source that is to be reached and that the vault hears: long enough for a new connection over a slow
    /// line and a busy libvirt, because what it wrote last is lost when it is passed over.
    static let reachDeadlineMilliseconds: Int64 = 5_000
    /// From the first failure of a call on; with the call before it that is about ten seconds. No longer, because one
    /// that has just died is heard of, as far as the vault knows, for another 15 s.
    static let reachPatienceMilliseconds: Int64 = 5_000
    /// Beyond the guest's own time to shut down.
    static let stopGraceMilliseconds: Int64 = 30_000
    static let shutdownLimitMillisecondsDefault: UInt32 = 120_000
    /// Fixed by the protocol.
    static let shutdownLimitMillisecondsMaximum: UInt32 = 600_000
    /// How often background work of an agent is asked for its progress.
    static let progressPollMilliseconds: Int64 = 200
    /// Connections to agents kept open at once; the one unused longest is closed for another.
    static let agentClientsMaximum = 256

    // MARK: Store

    /// The store is tried again for this long while it cannot be written; then the service stops, because nothing may
    /// be done that is not recorded.
    static let storeRetryMilliseconds: Int64 = 30_000
    static let storeRetryEveryMilliseconds: Int64 = 200
}
