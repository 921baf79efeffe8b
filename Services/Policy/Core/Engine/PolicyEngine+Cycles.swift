// Which cycles begin, and what becomes of their jobs.

extension PolicyEngine {
    /// Starts what is due, longest due first, within the limits of open cycles.
    mutating func startCycles(now: PolicyTime) {
        let due = machines.values
            .compactMap { machine in
                machine.startsAt.map { (at: $0, id: machine.entry.id, need: machine.progress.need) }
            }
            .filter { $0.at <= now }
            .sorted { ($0.at, $0.id) < ($1.at, $1.id) }
        guard !due.isEmpty else { return }
        var open = 0
        var long = 0
        for machine in machines.values {
            guard let flight = machine.phase.openCycle, machine.holdsPlace else { continue }
            open += 1
            if flight.record.kind != .incremental { long += 1 }
        }
        for (_, id, need) in due {
            guard open < PolicyLimits.openCyclesMaximum else { break }
            if need.kind != .incremental {
                guard long < PolicyLimits.longCyclesMaximum else { continue }
                long += 1
            }
            open += 1
            guard var machine = machines.removeValue(forKey: id) else { continue }
            let actions = machine.start(now: now)
            perform(actions, of: &machine, now: now)
            machines[id] = machine
        }
    }

    mutating func post(
        _ record: CycleRecord, _ capture: Capture, _ door: TransferDoor, _ settings: PolicySettings,
        machine: inout CycleStateMachine, now: PolicyTime
    ) {
        let everything = CycleStateMachine.coversEverything(record)
        let pieces = RegionCutter(capture: capture, coversEverything: everything, slots: board.slots).pieces(
            of: capture
        ).map { $0.bringing(door.diverged) }
        // An ordinary cycle's objective is missed when its point is older than the frequency. A long one gives way for
        // a while, so that it does not delay the small ones, and then shares with them.
        let objective: PolicyTime
        switch record.kind {
        case .incremental:
            objective = (machine.progress.newest?.startedAt ?? record.startedAt) + settings.frequencyMilliseconds
        case .full, .compare:
            objective = record.startedAt + PolicyLimits.longCycleGraceMilliseconds
        }
        board.post(
            JobPosting(
                protection: record.protection, generation: record.generation, cycle: record.cycle, kind: record.kind,
                sourceHost: record.sourceHost, sourceHostName: registry.hostName(record.sourceHost),
                targetHost: record.targetHost, guestName: machine.entry.guestName,
                sites: registry.sites(of: machine.entry), door: door, compression: settings.compression,
                bandwidth: BandwidthKey(pair: machine.entry.pair, policy: settings.name),
                bandwidthPlan: settings.bandwidth, pairBandwidthPlan: bandwidthPlan(of: machine.entry.pair),
                objective: objective, pieces: pieces),
            now: now)
    }

    mutating func settleBoard(now: PolicyTime) {
        for outcome in board.settle(now: now) {
            switch outcome {
            case .answerPull(let token, let grants):
                output.actions.append(.answer(token, .success(.grants(grants))))
            case .finished(let id, let cycle, let jobs, let sentBytes, let changedBytes):
                let event = CycleEvent.jobsFinished(
                    cycle: cycle, jobs, sentBytes: sentBytes, changedBytes: changedBytes)
                feed(event, to: id, now: now)
            case .failed(let id, let cycle, let error):
                feed(.jobsFailed(cycle: cycle, error), to: id, now: now)
            case .drainedSeen(let name):
                output.changes.append(.putDrained(worker: name, seenAt: now))
            case .drainedForgotten(let name):
                output.changes.append(.clearDrained(worker: name))
            case .moved(let id, let pendingBytes, let sentBytes):
                machines[id]?.status.moved(pendingBytes: pendingBytes, sentBytes: sentBytes, at: now)
            }
        }
    }
}
