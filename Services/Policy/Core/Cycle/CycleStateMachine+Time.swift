// What the passing of time asks for: keeping the capture alive, and repeating what must be answered.

extension CycleStateMachine {
    mutating func passTime(now: PolicyTime, _ actions: inout [CycleAction]) {
        keepCapture(now: now, &actions)
        repeatCalls(now: now, &actions)
    }

    private mutating func keepCapture(now: PolicyTime, _ actions: inout [CycleAction]) {
        guard var flight = phase.openCycle else { return }
        switch flight.keepAlive {
        case .off:
            return
        case .due(let at), .asked(_, let at):
            guard at <= now else { return }
        }
        if now > flight.keepUntil {
            flight.keepAlive = .off
        } else {
            let record = flight.record
            let keep = AgentCall.keepCapture(cycle: record.cycle, kind: record.kind)
            let call = ask(record.sourceHost, record, keep, &actions)
            flight.keepAlive = .asked(call, next: now + PolicyLimits.captureKeepEveryMilliseconds)
        }
        phase = phase.with(flight)
    }

    mutating func keepAnswered(
        _ result: Result<AgentAnswer, PolicyError>, _ flight: CycleInFlight, next: PolicyTime, now: PolicyTime,
        _ actions: inout [CycleAction]
    ) {
        var flight = flight
        switch result {
        case .failure(let error) where error.isRefusal:
            flight.keepAlive = .off
            // What was read of it may be incomplete. Later phases no longer read: they go on without it.
            switch phase {
            case .transferring, .verifying:
                return abandon(flight, because: .failed(error), targetTouched: true, now: now, &actions)
            case .resting, .inspecting, .openingCapture, .openingTarget, .committing, .doubting, .aborting, .closing,
                .abandoning, .releasing, .released, .forgotten:
                break
            }
        case .success, .failure:
            flight.keepAlive = .due(at: next)
        }
        phase = phase.with(flight)
    }

    private mutating func repeatCalls(now: PolicyTime, _ actions: inout [CycleAction]) {
        switch phase {
        case .inspecting(var wait) where isDue(wait, now):
            wait.asked(ask(entry.targetHost, generation: entry.generation, .describeReplica, &actions))
            phase = .inspecting(wait)
        case .doubting(let flight, let doubt, var wait) where isDue(wait, now):
            wait.asked(ask(flight.record.targetHost, flight.record, .describeReplica, &actions))
            phase = .doubting(flight, doubt, wait)
        case .aborting(let flight, let because, var wait) where isDue(wait, now):
            let call = AgentCall.abortCycle(cycle: flight.record.cycle)
            wait.asked(ask(flight.record.targetHost, flight.record, call, &actions))
            phase = .aborting(flight, because: because, wait)
        case .closing(let flight, var wait) where isDue(wait, now):
            let call = AgentCall.closeCommitted(cycle: flight.record.cycle)
            wait.asked(ask(flight.record.sourceHost, flight.record, call, &actions))
            phase = .closing(flight, wait)
        case .abandoning(let flight, var source, var target):
            let record = flight.record
            if isDue(source, now) {
                let call = AgentCall.closeAbandoned(cycle: record.cycle, keep: record.parent)
                source.asked(ask(record.sourceHost, record, call, &actions))
            }
            if isDue(target, now) {
                target.asked(ask(record.targetHost, record, .abortCycle(cycle: record.cycle), &actions))
            }
            phase = .abandoning(flight, source: source, target: target)
        case .releasing(var source, var target):
            if isDue(source, now) {
                let call = AgentCall.releaseSource(guestUUID: entry.guestUUID)
                source.asked(ask(entry.sourceHost, generation: entry.generation, call, &actions))
            }
            if isDue(target, now) {
                target.asked(ask(entry.targetHost, generation: entry.generation, targetRelease, &actions))
            }
            phase = .releasing(source: source, target: target)
        case .resting, .inspecting, .openingCapture, .openingTarget, .transferring, .verifying, .committing, .doubting,
            .aborting, .closing, .released, .forgotten:
            break
        }
    }

    private func isDue(_ wait: PersistentCall, _ now: PolicyTime) -> Bool {
        guard let at = wait.repeatAt else { return false }
        return at <= now
    }
}
