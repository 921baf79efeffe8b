/// What is known of the checkpoints of one protection: which one the next incremental capture starts from.
///
/// Invariant: a candidate is newer than the acknowledged cycle. The names of the checkpoints themselves are the
/// hypervisor's; it keeps the newest one that is not above the acknowledged cycle.
package struct CheckpointLedger: Sendable, Equatable {
    /// The newest cycle that the target is known to have committed.
    package private(set) var acknowledged: UInt64?
    /// A newer cycle that was captured, while nobody has told yet whether the target committed it.
    package private(set) var candidate: UInt64?

    package init(acknowledged: UInt64? = nil, candidate: UInt64? = nil) {
        self.acknowledged = acknowledged
        self.candidate = candidate
    }

    /// Somebody told which cycle the target holds.
    package mutating func settle(on cycle: UInt64?) {
        acknowledged = cycle
        candidate = nil
    }

    package mutating func enter(candidate cycle: UInt64) {
        precondition(candidate == nil, "the last candidate is settled before another is entered")
        candidate = cycle
    }

    package func checkInvariants() throws {
        if let acknowledged, let candidate, candidate <= acknowledged {
            throw HostAgentError.corruptState(
                "candidate checkpoint is not newer than the acknowledged one",
                facts: ["acknowledged": "\(acknowledged)", "candidate": "\(candidate)"])
        }
    }
}
