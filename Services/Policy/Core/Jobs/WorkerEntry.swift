/// A replication worker as it describes itself.
struct WorkerIntroduction: Hashable, Sendable {
    /// New at each start of the worker.
    var id: String
    var name: String
    var controlEndpoint: String
    /// Identifiers or names of hosts whose disks it can open; empty: every host.
    var readsHosts: [String]

    func reads(host: String, named name: String) -> Bool {
        readsHosts.isEmpty || readsHosts.contains(host) || readsHosts.contains(name)
    }
}

/// A worker as the job board knows it.
struct WorkerEntry: Hashable, Sendable {
    var introduction: WorkerIntroduction
    var lastSeen: PolicyTime
    /// When a pull of it was last answered: a worker may be silent for as long as its pull waits, and asks again then.
    var answeredAt: PolicyTime?
    /// Slots that were free when it last asked, and jobs that it was given since.
    var slots: Int
    var runningJobs = 0
    var rate = RateMeter()
    var speed = JobSpeed()
    /// It said that it stops.
    var hasLeft = false

    /// When it has been silent for as long as a lease lives.
    ///
    /// - Parameter waiting: until when its pull waits.
    func vanishes(waiting: PolicyTime?) -> PolicyTime {
        (waiting ?? max(lastSeen, answeredAt ?? lastSeen)) + PolicyLimits.leaseMilliseconds
    }
}
