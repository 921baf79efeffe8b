/// One contiguous range of one disk, to be moved as one job.
struct JobPiece: Hashable, Sendable {
    var diskIndex: Int
    var diskTarget: String
    var nbdURI: String
    var bitmapContext: String
    var offset: UInt64
    var length: UInt64
    /// An estimate, for progress and for cutting.
    var changedBytes: UInt64
    /// Parts of the range that are sent whether they changed or not, rising.
    var diverged: [Range<UInt64>] = []
}

/// The running jobs that share a policy's bandwidth limit: those of one pair of clouds under one policy. All jobs of the
/// pair share the limit of the pair's own policy besides.
struct BandwidthKey: Hashable, Sendable {
    var pair: PairEntry.Key
    var policy: String
}

/// Everything that workers must know to move one cycle's bytes.
struct JobPosting: Hashable, Sendable {
    var protection: ProtectionIdentifier
    var generation: UInt64
    var cycle: UInt64
    var kind: CycleKind
    var sourceHost: String
    var sourceHostName: String
    var targetHost: String
    /// For people.
    var guestName: String
    var sites: SitePair
    var door: TransferDoor
    var compression: PolicySettings.Compression
    var bandwidth: BandwidthKey
    var bandwidthPlan: BandwidthPlan
    /// Of the pair's own policy: the same, unless the guest has another.
    var pairBandwidthPlan: BandwidthPlan
    /// When the recovery point objective is missed, or the grace of a long cycle is over; the earliest goes first.
    var objective: PolicyTime
    var pieces: [JobPiece]

    /// Whether it may last for hours, and so must not keep ordinary ones waiting.
    var isLong: Bool {
        switch kind {
        case .incremental: false
        case .full, .compare: true
        }
    }
}

/// A lease as it is handed to a worker.
struct JobGrant: Hashable, Sendable {
    var job: String
    var attempt: UInt32
    var posting: JobPosting
    var piece: JobPiece
    var bandwidthBytesPerSecond: UInt64
    var leaseMilliseconds: Int64
}
