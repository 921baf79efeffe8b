// Unprotecting: both sides let go, and then the vault is told.

extension CycleStateMachine {
    mutating func release(now: PolicyTime, _ actions: inout [CycleAction]) {
        let generation = entry.generation
        let source = ask(
            entry.sourceHost, generation: generation, .releaseSource(guestUUID: entry.guestUUID), &actions)
        let target = ask(entry.targetHost, generation: generation, targetRelease, &actions)
        phase = .releasing(source: PersistentCall(asked: source), target: PersistentCall(asked: target))
    }

    /// A host that keeps the replica has to forget its side all the same: it would go on fencing the guest.
    var targetRelease: AgentCall {
        entry.keepReplica ? .releaseSource(guestUUID: entry.guestUUID) : .deleteReplica
    }

    mutating func releaseAnswered(
        _ call: CallNumber, _ result: Result<AgentAnswer, PolicyError>, _ source: PersistentCall,
        _ target: PersistentCall, now: PolicyTime, _ actions: inout [CycleAction]
    ) {
        var (source, target) = (source, target)
        switch result {
        case .success:
            if source.awaits(call) { source.settle() } else { target.settle() }
        case .failure(let error):
            if source.awaits(call) {
                source.failedToRelease(error, now: now)
            } else {
                target.failedToRelease(error, now: now)
            }
        }
        phase = source.isSettled && target.isSettled ? .released : .releasing(source: source, target: target)
    }
}
