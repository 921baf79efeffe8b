/// What an operator is shown of a worker.
struct WorkerSummary: Hashable, Sendable {
    /// Whether it gets jobs.
    enum State: Hashable, Sendable {
        case working
        /// It gets none any more, and still runs some.
        case draining
        case drained
    }

    /// One job that it runs.
    struct Job: Hashable, Sendable {
        var job: String
        var protection: ProtectionIdentifier
        var guestName: String
        var cycle: UInt64
        var kind: CycleKind
        var diskTarget: String
        var readBytes: UInt64
        var changedBytes: UInt64
        var bytesPerSecond: UInt64
    }

    var introduction: WorkerIntroduction
    var slots: Int
    var runningJobs: Int
    var bytesPerSecond: UInt64
    /// Of one of its jobs; 0: not known yet.
    var jobBytesPerSecond: UInt64
    /// nil: it is drained, and has not been heard of.
    var lastSeenAgeMilliseconds: Int64?
    var state: State
    var jobs: [Job]
}
