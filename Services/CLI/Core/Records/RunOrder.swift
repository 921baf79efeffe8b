/// What is asked of the failover orchestrator.
package struct RunOrder: Sendable, Equatable {
    /// Which point a replica is started from.
    package enum Point: Sendable, Equatable {
        case latest
        case latestApplicationConsistent
        case latestVerified
        case cycle(UInt64)
    }

    /// What is said of a test when it is ended.
    package enum Verdict: Sendable, Equatable {
        case verified
        case failed
    }

    package var kind: RunRecord.Kind
    /// Identifier of the protection, or the guest's name or UUID.
    package var protection: String
    /// Nil where a run of this kind takes none.
    package var point: Point?
    /// Try to shut the source down and to fetch what it wrote last.
    package var reachSource = false
    /// Of a cleanup; nil: the point's mark stays as the guest agent left it.
    package var verdict: Verdict?
    /// Keep what the old side wrote after the point.
    package var keepDiverged = false
    /// Nil: as the policy says.
    package var shutdownLimitSeconds: UInt32?
    /// Pull the plug of a guest that does not shut down; otherwise as the policy says.
    package var forceOff = false

    package init(_ kind: RunRecord.Kind, of protection: String) {
        self.kind = kind
        self.protection = protection
    }
}
