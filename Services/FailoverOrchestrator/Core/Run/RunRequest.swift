/// What somebody asked a run to do.
struct RunRequest: Hashable, Sendable, Codable {
    var kind: RunKind
    /// As asked: an id, or a guest's name or UUID.
    var protection: String
    /// TEST, UNPLANNED, CHANGE_POINT.
    var point: PointChoice?
    /// UNPLANNED: shut the source down and fetch a last delta, as far as it answers.
    var reachesSource = false
    /// CLEANUP: what the operator says of the test; nil: nothing.
    var verdict: TestVerdict?
    /// REVERSE: keep what the old side wrote after the point.
    var keepsDiverged = false
    /// Nil: as the policy says.
    var shutdownLimitMilliseconds: UInt32?
    /// Nil: as the policy says.
    var whenShutdownFails: WhenShutdownFails?
}

/// What an operator says of a test when it is ended.
enum TestVerdict: String, Hashable, Sendable, Codable {
    /// The guest did what it should: its point is verified.
    case verified
    /// It did not, whatever its guest agent told.
    case failed
}

/// What a run does.
enum RunKind: String, Hashable, Sendable, Codable, CaseIterable {
    case test, cleanup, planned, unplanned, changePoint, commit, cancel, reverse, failback

    /// For people.
    var words: String {
        switch self {
        case .test: "test failover"
        case .cleanup: "cleanup"
        case .planned: "planned failover"
        case .unplanned: "unplanned failover"
        case .changePoint: "change of point"
        case .commit: "commit"
        case .cancel: "cancellation"
        case .reverse: "reversal"
        case .failback: "failback"
        }
    }

    /// Runs of these kinds take a protection from side to side, and only one at a time may.
    var movesSides: Bool {
        switch self {
        case .planned, .unplanned, .changePoint, .commit, .cancel, .reverse, .failback: true
        case .test, .cleanup: false
        }
    }

    /// Planned failovers: nothing may be lost, and the replica replicates back at once.
    var isPlanned: Bool { self == .planned || self == .failback }

    var choosesPoint: Bool { self == .test || self == .unplanned || self == .changePoint }
}

/// Which recovery point to start from.
enum PointChoice: Hashable, Sendable, Codable {
    case latest
    case latestApplicationConsistent
    case latestVerified
    case cycle(UInt64)
}

/// A recovery point as an agent lists it.
struct RecoveryPoint: Hashable, Sendable, Codable {
    var cycle: UInt64
    /// The source host's clock.
    var capturedUnixMilliseconds: Int64
    var isApplicationConsistent: Bool
    var isVerified: Bool
}

extension PointChoice {
    /// The point that is meant, among those that the target holds.
    func point(
        among points: [RecoveryPoint], host: String, guest: String
    ) throws(OrchestratorError) -> RecoveryPoint {
        let list = "“bascule points \(guest)” lists them."
        let ordered = points.sorted { $0.cycle < $1.cycle }
        guard let newest = ordered.last else {
            throw OrchestratorError(
                .notFound, "\(host) holds no recovery point of \(guest).",
                remedy: "Wait for the first point; “bascule status \(guest)” says how far it is.")
        }
        switch self {
        case .latest:
            return newest
        case .latestApplicationConsistent:
            guard let point = ordered.last(where: \.isApplicationConsistent) else {
                throw OrchestratorError(
                    .notFound, "None of the \(points.count) points of \(guest) at \(host) is application-consistent.",
                    remedy: "Choose another point; " + list)
            }
            return point
        case .latestVerified:
            guard let point = ordered.last(where: \.isVerified) else {
                throw OrchestratorError(
                    .notFound, "None of the \(points.count) points of \(guest) at \(host) is verified.",
                    remedy: "Run a test failover, which marks its point once the guest answers: "
                        + "“bascule failover \(guest) --test”. Or choose another point; " + list)
            }
            return point
        case .cycle(let cycle):
            guard let point = ordered.last(where: { $0.cycle == cycle }) else {
                throw OrchestratorError(
                    .notFound, "Point \(cycle) of \(guest) is not at \(host); it may have been retired.",
                    remedy: "Choose another point; " + list)
            }
            return point
        }
    }
}
