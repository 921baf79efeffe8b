/// What the answer to a stage means for its step.
enum StageOutcome: Hashable, Sendable {
    case next
    /// The same again after some milliseconds.
    case again(after: Int64)
    /// Another stage of the step, after some milliseconds.
    case stage(StepStage, after: Int64)
    case fail(OrchestratorError)
    /// The guest runs at the target, and what it wrote is not the run's to drop.
    ///
    /// - isNoted: the target's agent knows that it started it.
    case keepGuest(isNoted: Bool)
}

extension RunRecord {
    /// Takes an answer into the facts. It is of the kind that was asked for; the driver sees to that.
    mutating func absorb(_ answer: RunAnswer, to stage: StepStage, at index: Int, now: RunTime) -> StageOutcome {
        do throws(OrchestratorError) {
            switch answer {
            case .registry(let registry):
                try facts.take(registry, protection: protection, guest: guestName, run: id)
            case .protection(let entry):
                facts.take(entry, run: id)
            case .policies(let policies):
                takePolicy(policies)
            case .status(let status):
                facts.isCycleOpen = status.isOpen
                // The guest runs on meanwhile, and what this cycle brings need not be fetched when it is down.
                if stage == .awaitRest {
                    let waited = now - (steps[index].startedAt ?? now)
                    return status.isOpen && waited < OrchestratorLimits.restWaitMilliseconds
                        ? .again(after: OrchestratorLimits.deltaPollMilliseconds) : .next
                }
                steps[index].totalBytes = max(steps[index].totalBytes, status.totalBytes)
                steps[index].doneBytes = status.totalBytes - min(status.pendingBytes, status.totalBytes)
            case .history(let cycles):
                if stage == .awaitDelta { return lookForDelta(among: cycles, at: index, now: now) }
                facts.historyMark = cycles.map(\.cycle).max() ?? 0
            case .side(let side):
                if stage == .describe(.target) {
                    try checkTarget(side)
                } else if stage == .requireOff {
                    try requireOff(side)
                } else if stage == .lookForGuest {
                    // One that is off has written as well; and an agent that was killed inside the start has one that
                    // it did not note.
                    return side.runsReplica || side.guestRuns ? .keepGuest(isNoted: side.runsReplica) : .next
                } else if facts.sourceRan == nil {
                    // Read once: after it was told to shut down it says nothing of what was before.
                    facts.sourceRan = side.guestRuns
                }
            case .replica(let replica):
                try take(replica)
            case .points(let points):
                guard let choice = request.point else {
                    noteVerification(points, at: index)
                    return .next
                }
                let point = try choice.point(among: points, host: facts.target.name, guest: guestName)
                facts.point = point
                steps[index].detail = "Point \(point.cycle)."
            case .progress(let progress):
                steps[index].doneBytes = progress.doneBytes
                steps[index].totalBytes = progress.totalBytes
                if !progress.isFinished { return .again(after: OrchestratorLimits.progressPollMilliseconds) }
            case .guestStopped(let forced):
                facts.sourceStoppedAt = now
                if forced {
                    warn("The guest at \(facts.source.name) did not shut down in time, and its plug was pulled.")
                }
            case .replicaStarted(let started):
                try take(started, now: now)
            case .done:
                takeDone(stage, now: now)
            }
            return .next
        } catch {
            return .fail(error)
        }
    }

    /// What happens when a stage is about to be asked.
    mutating func willAsk(_ stage: StepStage, now: RunTime) {
        guard case .startReplica = stage else { return }
        facts.startAskedBefore = facts.startAskedAt != nil
        facts.startAskedAt = now
    }

    private mutating func takeDone(_ stage: StepStage, now: RunTime) {
        switch stage {
        case .trigger:
            facts.triggeredAt = now
            facts.firstTriggeredAt = facts.firstTriggeredAt ?? now
        case .setSide(.source, active: true):
            facts.owesSides = false
        case .setSide, .refresh, .advance, .readPolicy, .noteHistory, .watchCycle, .awaitDelta, .awaitRest, .describe,
            .describeReplica, .listPoints, .prepare, .stopGuest, .startGuest, .requireOff, .lookForGuest, .startReplica,
            .stopReplica, .adopt, .commitReplica:
            break
        }
    }

    private mutating func takePolicy(_ policies: [PolicyEntry]) {
        if let policy = policies.first(where: { $0.name == facts.policy }) {
            facts.shutdownLimitMilliseconds = policy.shutdownLimitMilliseconds
            facts.whenShutdownFails = policy.whenShutdownFails
        }
        if let limit = request.shutdownLimitMilliseconds { facts.shutdownLimitMilliseconds = limit }
        if let action = request.whenShutdownFails { facts.whenShutdownFails = action }
    }

    /// What became of a test's point, for the cleanup's report.
    private mutating func noteVerification(_ points: [RecoveryPoint], at index: Int) {
        guard kind == .cleanup, let tested = facts.point,
            let point = points.first(where: { $0.cycle == tested.cycle })
        else { return }
        facts.point = point
        steps[index].detail = "Point \(point.cycle) is \(point.isVerified ? "" : "not ")verified."
    }

    private mutating func checkTarget(_ side: SideState) throws(OrchestratorError) {
        let host = facts.target
        guard side.hasReplica else {
            throw OrchestratorError(
                .failedPrecondition, "\(host.name) has no replica of \(guestName).",
                remedy: "See “bascule status”: the first point has to be there.", facts: ["rule": "no-replica"])
        }
        if side.guestRuns, !side.alarm.isEmpty { warn("\(host.name): \(side.alarm)") }
        if kind == .test, side.runsTest {
            throw OrchestratorError(
                .alreadyExists, "A test guest of \(guestName) is at \(host.name) already.",
                remedy: "Remove it with “bascule cleanup \(guestName)”.", facts: ["rule": "test-runs"])
        }
        if kind != .test, side.guestRuns || side.runsReplica {
            throw OrchestratorError(
                .failedPrecondition, "A guest \(guestName) already runs at \(host.name).",
                remedy: "Shut it down there first, when it is not the one that is wanted.",
                facts: ["rule": "guest-runs-at-target"])
        }
        if facts.guestMemoryBytes > 0, host.memoryFreeBytes > 0, facts.guestMemoryBytes > host.memoryFreeBytes {
            throw OrchestratorError(
                .failedPrecondition,
                "\(host.name) has \(host.memoryFreeBytes >> 20) MiB of memory free; \(guestName) needs "
                    + "\(facts.guestMemoryBytes >> 20) MiB.",
                remedy: "Stop other guests at \(host.name), or give this one less memory.",
                facts: ["rule": "memory"])
        }
    }

    /// A guest that was started again writes what the point does not hold, and two of them must not run.
    private func requireOff(_ side: SideState) throws(OrchestratorError) {
        guard side.hasGuest else {
            throw OrchestratorError(
                .failedPrecondition,
                "\(guestName) is not defined at \(facts.source.name) any more: somebody undefined it, or started and "
                    + "migrated it away with its definition, after its last changes were fetched.",
                remedy: "Find out whether it runs elsewhere, because it must not run twice. To keep what it wrote "
                    + "there, bring it back and abandon this run; else define it at \(facts.source.name) again, and "
                    + "leave it off.",
                facts: ["rule": "guest-gone"])
        }
        guard side.guestRuns else {
            // It was not so when the run shut it down, because it would not have passed for off.
            guard !side.alarm.isEmpty else { return }
            throw OrchestratorError(
                .failedPrecondition,
                "\(guestName) was started at \(facts.source.name) again after it was shut down. \(side.alarm)",
                remedy: wayOn, facts: ["rule": "started-again"])
        }
        throw OrchestratorError(
            .failedPrecondition,
            "\(guestName) runs at \(facts.source.name) again: somebody started it after its last changes were fetched.",
            remedy: "Find out who starts it there. \(wayOn)", facts: ["rule": "started-again"])
    }

    /// Of a guest that was started again: that it is off once more does not bring what it wrote, so it leads nowhere.
    private var wayOn: String {
        "To keep what it wrote since, begin another run once this one was taken back or abandoned; to lose that, fail over "
            + "then with --unplanned, and reverse."
    }

    private mutating func take(_ replica: ReplicaState) throws(OrchestratorError) {
        guard replica.generation <= facts.generation else {
            throw OrchestratorError(
                .staleGeneration,
                "The replica at \(facts.target.name) is of generation \(replica.generation), the vault knows "
                    + "\(facts.generation).",
                remedy: "The vault learns of it with the host's next report; then look at “bascule status”.")
        }
        facts.isAdopted = replica.isAdopted
    }

    private mutating func take(_ started: StartedReplica, now: RunTime) throws(OrchestratorError) {
        if let point = facts.point, started.cycle != point.cycle {
            throw OrchestratorError(
                .failedPrecondition,
                "\(facts.target.name) already runs \(started.guestName) from point \(started.cycle).",
                remedy: kind == .test ? "Remove it with “bascule cleanup \(guestName)”." : "",
                facts: ["rule": "another-point-runs"])
        }
        facts.started = started
        for warning in started.warnings { warn("\(facts.target.name): \(warning)") }
        // The agent measured from the request's arrival, and it arrived after it was sent. When it was sent before,
        // that request may be the one that started the guest, so only "by now" is sure.
        if !facts.startAskedBefore, let asked = facts.startAskedAt {
            facts.runningAt = min(asked + started.startMilliseconds, now)
        } else {
            facts.runningAt = now
        }
    }

    /// The cycle that is wanted was captured after the guest's end. One that was under way then may come first, and
    /// one that failed is asked for again.
    private mutating func lookForDelta(among cycles: [CycleOutcome], at index: Int, now: RunTime) -> StageOutcome {
        let fresh = cycles.filter { $0.cycle > facts.historyMark ?? 0 }.sorted { $0.cycle < $1.cycle }
        if let delta = fresh.first(where: { $0.isOffline && $0.error == nil }) {
            facts.lastDelta = delta.cycle
            facts.point = RecoveryPoint(
                cycle: delta.cycle, capturedUnixMilliseconds: delta.capturedUnixMilliseconds,
                isApplicationConsistent: delta.isApplicationConsistent, isVerified: false)
            steps[index].detail = "Point \(delta.cycle)\(delta.isApplicationConsistent ? "" : ", crash-consistent")."
            return .next
        }
        let limit =
            kind.isPlanned
            ? OrchestratorLimits.deltaMillisecondsMaximum : OrchestratorLimits.unplannedDeltaMillisecondsMaximum
        guard now - (facts.firstTriggeredAt ?? now) < limit else {
            return .fail(
                OrchestratorError(
                    .failedPrecondition, "The last changes did not arrive within \(limit / 1_000) s.",
                    remedy: "See “bascule status” for what keeps the cycle."))
        }
        if let last = fresh.last {
            facts.historyMark = last.cycle
            facts.deltaTries += 1
            guard facts.deltaTries < OrchestratorLimits.deltaTriesMaximum else {
                let why = last.error
                return .fail(
                    OrchestratorError(
                        .failedPrecondition,
                        "The last changes could not be fetched in \(facts.deltaTries) tries. \(why?.message ?? "")",
                        remedy: why?.remedy ?? "See “bascule status”."))
            }
            return .stage(.trigger, after: OrchestratorLimits.deltaPollMilliseconds)
        }
        let silent = now - (facts.triggeredAt ?? now) >= OrchestratorLimits.deltaTriggerLostMilliseconds
        return .stage(
            silent && !facts.isCycleOpen ? .trigger : .watchCycle, after: OrchestratorLimits.deltaPollMilliseconds)
    }
}
