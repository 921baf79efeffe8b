import Synchronization

extension InMemoryHypervisor {
    /// Whether the guest agents of guests that are started from replicas from now on answer with their first breath.
    package func setReplicasAnswer(_ answer: Bool) { state.withLock { $0.replicasAnswer = answer } }

    package func guestAgentAnswers(_ guest: String) async throws -> Bool {
        try enter(.guestAgentAnswers)
        return state.withLock { state in
            guard let guest = state.guests[guest] else { return false }
            return guest.hasGuestAgent && guest.power == .running
        }
    }
}
