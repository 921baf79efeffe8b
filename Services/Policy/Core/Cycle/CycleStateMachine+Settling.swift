// What follows a commit, a failure, or a lost answer: both sides are brought to one truth before the next cycle.

extension CycleStateMachine {
    // MARK: A commit in doubt

    mutating func doubt(
        _ flight: CycleInFlight, _ doubt: CommitDoubt, now: PolicyTime, _ actions: inout [CycleAction]
    ) {
        var flight = flight
        // The capture is kept for a while, because its checkpoint is the next cycle's base if the commit succeeded.
        if case .off = flight.keepAlive { flight.keepAlive = .due(at: now) }
        flight.keepUntil = min(flight.keepUntil, now + PolicyLimits.captureKeepInDoubtMilliseconds)
        let call = ask(flight.record.targetHost, flight.record, .describeReplica, &actions)
        phase = .doubting(flight, doubt, PersistentCall(asked: call))
    }

    mutating func doubtAnswered(
        _ result: Result<AgentAnswer, PolicyError>, _ flight: CycleInFlight, _ doubt: CommitDoubt,
        _ wait: PersistentCall, now: PolicyTime, _ actions: inout [CycleAction]
    ) {
        switch result {
        case .success(.replica(let replica)):
            if replica.newestCycle == flight.record.cycle {
                committed(flight, now: now, &actions)
            } else {
                notHeld(flight, doubt, replica, now: now, &actions)
            }
        case .failure(let error) where error.code == .notFound:
            // There is no replica, so there is no point of this cycle either.
            let replica = ReplicaSummary(newestCycle: 0, openCycle: 0, generation: 0)
            notHeld(flight, doubt, replica, now: now, &actions)
        case .failure(let error) where error.code == .staleGeneration:
            // The target obeys another generation: nothing that was sent under this one takes effect any more, and what
            // took effect before is seen under the newer one.
            noteFailure(error, of: flight.record, now: now, &actions)
            schedule?.failed(at: now)
            giveUp(flight, now: now, &actions)
            obeyStanding(now: now, &actions)
        case .success, .failure:
            // Only an answer ends doubt: even a row of refusals leaves open whether the point exists.
            var wait = wait
            wait.failedButNeeded(result.failure, now: now)
            phase = .doubting(flight, doubt, wait)
        }
    }

    /// The target does not hold the cycle, so far.
    private mutating func notHeld(
        _ flight: CycleInFlight, _ doubt: CommitDoubt, _ replica: ReplicaSummary, now: PolicyTime,
        _ actions: inout [CycleAction]
    ) {
        let isOpen = replica.openCycle == flight.record.cycle
        switch doubt {
        case .mayRepeat(let jobs, let firstAskedAt):
            let inTime = now - firstAskedAt < PolicyLimits.commitRepeatMilliseconds
            if case .known = binding, mayGoOn, inTime, isOpen {
                commit(flight, jobs: jobs, firstAskedAt: firstAskedAt, &actions)
            } else {
                let lost = PolicyError(
                    .unavailable, "The commit of cycle \(flight.record.cycle) was not answered and did not happen.",
                    remedy: "See whether the target host and its disks are well.")
                abort(flight, because: lost, &actions)
            }
        case .mustAbort(let because):
            abort(flight, because: because, &actions)
        case .aborted(let because) where isOpen:
            // It refused to abort, perhaps because it is still committing: the end of that has to be waited for.
            let wait = PersistentCall(waitingUntil: now + PolicyLimits.backoffFirstMilliseconds)
            phase = .aborting(flight, because: because, wait)
        case .aborted(let because):
            adopt(replica, now: now, &actions)
            let ending: CycleEnding = mayGoOn ? .failed(because) : .stopped
            abandon(flight, because: ending, targetTouched: false, now: now, &actions)
        }
    }

    private mutating func abort(_ flight: CycleInFlight, because: PolicyError, _ actions: inout [CycleAction]) {
        let call = ask(flight.record.targetHost, flight.record, .abortCycle(cycle: flight.record.cycle), &actions)
        phase = .aborting(flight, because: because, PersistentCall(asked: call))
    }

    mutating func abortAnswered(
        _ result: Result<AgentAnswer, PolicyError>, _ flight: CycleInFlight, _ because: PolicyError,
        _ wait: PersistentCall, now: PolicyTime, _ actions: inout [CycleAction]
    ) {
        var wait = wait
        switch result {
        case .success: wait.settle()
        // A refusal is an answer too: the cycle is not open there, perhaps because it was committed after all.
        case .failure(let error): error.isRefusal ? wait.settle() : wait.failed(error, now: now)
        }
        if wait.isSettled {
            doubt(flight, .aborted(because: because), now: now, &actions)
        } else {
            phase = .aborting(flight, because: because, wait)
        }
    }

    // MARK: After the point exists

    mutating func close(_ flight: CycleInFlight, now: PolicyTime, _ actions: inout [CycleAction]) {
        var flight = flight
        flight.keepAlive = .off
        let call = ask(flight.record.sourceHost, flight.record, .closeCommitted(cycle: flight.record.cycle), &actions)
        phase = .closing(flight, PersistentCall(asked: call))
    }

    mutating func closeAnswered(
        _ result: Result<AgentAnswer, PolicyError>, _ flight: CycleInFlight, _ wait: PersistentCall, now: PolicyTime,
        _ actions: inout [CycleAction]
    ) {
        var wait = wait
        switch result {
        case .success: wait.settle()
        case .failure(let error): wait.failed(error, now: now)
        }
        phase = .closing(flight, wait)
        if wait.isSettled { endCycle(.rest, now: now, &actions) }
    }

    // MARK: A cycle without a point

    /// - Parameter targetTouched: whether the target may have the cycle open. Never called while a commit may still
    ///   take effect: see `doubt`.
    mutating func abandon(
        _ flight: CycleInFlight, because ending: CycleEnding, targetTouched: Bool, now: PolicyTime,
        _ actions: inout [CycleAction]
    ) {
        var flight = flight
        flight.keepAlive = .off
        if case .failed(let error) = ending, Self.disagrees(error) { flight.afterwards = .inspect }
        let record = flight.record
        if case .failed(let error) = ending, error.code == .wrongParent, record.kind == .incremental,
            progress.parent > 0
        {
            // Disks that hold more than the parent go under its number, so that number alone proves nothing.
            let why = error.facts["because"].map { ": \($0)" } ?? ""
            progress.need = .compare(reason: "The target refused cycle \(record.parent) as the parent\(why)")
        }
        if case .transferring = phase { actions.append(.withdraw(cycle: record.cycle)) }
        note(ending, of: record, now: now, &actions)
        // Both at once, because neither can make a point of it any more.
        let close = AgentCall.closeAbandoned(cycle: record.cycle, keep: record.parent)
        let source = PersistentCall(asked: ask(record.sourceHost, record, close, &actions))
        var target = PersistentCall.settled
        if targetTouched {
            target = PersistentCall(asked: ask(record.targetHost, record, .abortCycle(cycle: record.cycle), &actions))
        }
        phase = .abandoning(flight, source: source, target: target)
    }

    mutating func abandonAnswered(
        _ call: CallNumber, _ result: Result<AgentAnswer, PolicyError>, _ flight: CycleInFlight,
        _ source: PersistentCall, _ target: PersistentCall, now: PolicyTime, _ actions: inout [CycleAction]
    ) {
        let (source, target) = settled(call, result, source, target, now: now)
        phase = .abandoning(flight, source: source, target: target)
        if source.isSettled, target.isSettled { endCycle(flight.afterwards, now: now, &actions) }
    }

    /// - Parameter record: of a cycle that ends without a point.
    private mutating func askAgain(after record: CycleRecord, _ actions: inout [CycleAction]) {
        guard progress.asked.isUnderWay(in: record.cycle) else { return }
        progress.asked = .waiting(progress.asked.consistency)
        actions.append(.store(.putProgress(progress)))
    }

    private mutating func note(
        _ ending: CycleEnding, of record: CycleRecord, now: PolicyTime, _ actions: inout [CycleAction]
    ) {
        askAgain(after: record, &actions)
        switch ending {
        case .failed(let error):
            noteFailure(error, of: record, now: now, &actions)
            schedule?.failed(at: now)
        case .interrupted(let error):
            status.stopped()
            actions.append(.store(.appendReport(entry.id, failureReport(error, record, now: now))))
            schedule?.hurry(at: now)
        case .stopped:
            status.stopped()
        case .needs(let need):
            status.stopped()
            progress.need = need
            actions.append(.store(.putProgress(progress)))
            schedule?.hurry(at: now)
        }
    }

    mutating func noteFailure(
        _ error: PolicyError, of record: CycleRecord, now: PolicyTime, _ actions: inout [CycleAction]
    ) {
        let report = failureReport(error, record, now: now)
        status.failed(report)
        actions.append(.store(.appendReport(entry.id, report)))
    }

    private func failureReport(_ error: PolicyError, _ record: CycleRecord, now: PolicyTime) -> CycleReport {
        CycleReport(
            cycle: record.cycle, kind: record.kind, consistency: record.reached,
            capturedUnixMilliseconds: record.capturedUnixMilliseconds, endedAt: now,
            durationMilliseconds: now - record.dueAt, changedBytes: record.changedBytes, sentBytes: 0, error: error,
            reason: record.reason, offline: record.offline)
    }

    /// Nothing of the cycle is left on either side.
    private mutating func endCycle(
        _ afterwards: CycleInFlight.AfterCleanup, now: PolicyTime, _ actions: inout [CycleAction]
    ) {
        actions.append(.store(.clearOpenCycle(entry.id)))
        switch (afterwards, standing) {
        case (.inspect, .run), (.inspect, .onRequest):
            let call = ask(entry.targetHost, generation: entry.generation, .describeReplica, &actions)
            phase = .inspecting(PersistentCall(asked: call))
        case (.rest, _), (.inspect, _):
            phase = .resting
        }
        obeyStanding(now: now, &actions)
    }

    // MARK: A replica that holds something else

    mutating func inspectionAnswered(
        _ result: Result<AgentAnswer, PolicyError>, _ wait: PersistentCall, now: PolicyTime,
        _ actions: inout [CycleAction]
    ) {
        switch result {
        case .success(.replica(let replica)):
            adopt(replica, now: now, &actions)
            phase = .resting
        case .failure(let error) where error.code == .notFound:
            adopt(ReplicaSummary(newestCycle: 0, openCycle: 0, generation: 0), now: now, &actions)
            phase = .resting
        case .success, .failure:
            var wait = wait
            wait.failedButNeeded(result.failure, now: now)
            phase = .inspecting(wait)
        }
    }

    /// Takes what the target holds for the truth: whatever it is, comparing with it gives a correct next point.
    private mutating func adopt(_ replica: ReplicaSummary, now: PolicyTime, _ actions: inout [CycleAction]) {
        let known = progress.parent
        let doubtful = progress.doubtful
        progress.doubtful = 0
        if doubtful > 0, replica.newestCycle == doubtful {
            // The commit took effect after all, and the source has a checkpoint of it.
            progress.parent = doubtful
        } else if replica.newestCycle != known {
            progress.lastNumber = max(progress.lastNumber, replica.newestCycle, replica.openCycle)
            progress.parent = replica.newestCycle
            progress.newest = nil
            let held = replica.newestCycle == 0 ? "no cycle" : "cycle \(replica.newestCycle)"
            let reason = "The replica holds \(held), not cycle \(known) as expected"
            progress.need = replica.newestCycle == 0 ? .full(reason: reason) : .compare(reason: reason)
            schedule?.hurry(at: now)
        }
        actions.append(.store(.putProgress(progress)))
    }

    private func settled(
        _ call: CallNumber, _ result: Result<AgentAnswer, PolicyError>, _ source: PersistentCall,
        _ target: PersistentCall, now: PolicyTime
    ) -> (source: PersistentCall, target: PersistentCall) {
        var sides = (source: source, target: target)
        switch result {
        case .success:
            if sides.source.awaits(call) { sides.source.settle() } else { sides.target.settle() }
        case .failure(let error):
            if sides.source.awaits(call) {
                sides.source.failed(error, now: now)
            } else {
                sides.target.failed(error, now: now)
            }
        }
        return sides
    }
}

extension Result where Failure == PolicyError {
    fileprivate var failure: PolicyError? {
        switch self {
        case .success: nil
        case .failure(let error): error
        }
    }
}
