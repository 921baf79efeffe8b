/// From side to side: the steps of runs, and what hosts did by themselves while the vault was away.
extension VaultStateMachine {
    func advanceFailover(_ request: FailoverAdvance, _ draft: inout VaultDraft) throws(VaultError) {
        let protection = try find(request.protection, draft)
        try check(request)
        let verdict = FailoverStanding(of: protection, for: request.step.run).verdict(on: request.step.step)
        // Before the version is compared: who repeats a step rests on what was so before it.
        if protection.lastStep == request.step || verdict == .alreadySo {
            draft.answer(.protection(protection))
            return
        }
        try checkCurrent(protection, request.expectedVersion, draft)
        switch verdict {
        case .alreadySo: break
        case .refuse(let sentence, let remedy):
            throw VaultError(
                .failedPrecondition,
                "Guest \(protection.guestName) is \(protection.state.word): \(Self.word(of: request.step.step)) is not "
                    + "possible. \(sentence)",
                remedy: remedy,
                facts: [
                    "state": protection.state.word, "version": "\(protection.version)",
                    "run": protection.run?.text ?? "",
                ])
        case .change(let outcome):
            let changed = protection.after(request.step, outcome: outcome, reason: Self.reason(request.reason))
            draft.answer(.protection(record(changed, &draft)))
            draft.audit("advance_failover", protection.guestName, outcome: "done: \(request.step.step.rawValue)")
        }
    }

    /// A host that holds a newer generation started its replica while the vault was away. The vault follows, because
    /// that host's guest runs, and says how it came about.
    func takeOver(_ report: SideReport, from host: Host, _ draft: inout VaultDraft) {
        guard let protection = draft.registry.protections[report.protection], protection.uses(host: host.id),
            report.isActive
        else { return }
        guard report.generation > protection.generation else { return noteCycle(report, of: protection, host, &draft) }
        var changed = protection
        changed.generation = report.generation
        changed.run = nil
        changed.lastStep = nil
        changed.stateReason = "started at \(host.name) without the vault"
        if host.id == protection.targetHostID {
            changed.activeSide = .target
            changed.state = .commitPending
            changed.failoverCycle = report.cycle
        } else {
            // Only a vault that lost its newest changes meets this: its source is the active side after all.
            changed.activeSide = .source
            changed.failoverCycle = 0
            switch protection.state {
            case .failingOver, .commitPending, .committed: changed.state = .protected
            case .enabling, .seeding, .protected, .paused, .resynchronizing, .disabling, .reversing: break
            }
        }
        _ = record(changed, &draft)
        draft.audit(
            "take_over", protection.guestName, actor: "vault",
            outcome: "done: \(host.name) is active at generation \(report.generation)")
    }

    /// A host may tell that it took its side before its guest was started: then it was not known from which point.
    private func noteCycle(
        _ report: SideReport, of protection: Protection, _ host: Host, _ draft: inout VaultDraft
    ) {
        guard report.generation == protection.generation, protection.state == .commitPending,
            protection.activeHostID == host.id, protection.failoverCycle == 0, report.cycle > 0
        else { return }
        var changed = protection
        changed.failoverCycle = report.cycle
        _ = record(changed, &draft)
        draft.audit(
            "take_over", protection.guestName, actor: "vault",
            outcome: "done: \(host.name) started it from point \(report.cycle)")
    }

    func duties(of host: Host, _ registry: Registry) -> [HostDuty] {
        registry.protections(using: host.id).compactMap { protection in
            switch protection.state {
            case .disabling: nil
            case .enabling, .seeding, .protected, .paused, .resynchronizing, .failingOver, .commitPending, .committed,
                .reversing:
                HostDuty(
                    protection: protection.id, guestUUID: protection.guestUUID, generation: protection.generation,
                    isActive: protection.activeHostID == host.id,
                    fenceAction: registry.pairs[protection.pair]?.fenceAction ?? .alarm,
                    activeHostName: registry.hosts[protection.activeHostID]?.name ?? "")
            }
        }
    }

    private func check(_ request: FailoverAdvance) throws(VaultError) {
        guard request.step.step.namesCycle, request.step.cycle == 0 else { return }
        throw VaultError(
            .invalidArgument, "AdvanceFailover does not say which recovery point the target's guest starts from.",
            remedy: "Give its cycle.")
    }

    /// What was alarming before a change of sides is said anew, or no longer.
    private func record(_ protection: Protection, _ draft: inout VaultDraft) -> Protection {
        var changed = protection
        if !changed.alarm.isEmpty { changed.alarm = BothSides(of: changed, in: draft.registry)?.sentence ?? "" }
        return draft.recordProtection(changed)
    }

    private static func reason(_ text: String) -> String {
        TextRule.line(text, maximumBytes: VaultLimits.maximumReasonBytes)
    }

    private static func word(of step: FailoverStep) -> String {
        step.rawValue.split(separator: "_").joined(separator: " ")
    }
}

extension Protection {
    /// As it is after a legal step.
    fileprivate func after(_ step: StepTaken, outcome: FailoverStanding.Outcome, reason: String) -> Protection {
        var changed = self
        changed.state = outcome.state
        changed.stateReason = reason
        changed.activeSide = outcome.activeSide
        changed.run = outcome.isHeld ? step.run : nil
        changed.lastStep = step
        if outcome.generationRises { changed.generation += 1 }
        if step.step.namesCycle { changed.failoverCycle = step.cycle }
        if outcome.activeSide == .source { changed.failoverCycle = 0 }
        if outcome.changesPlaces {
            swap(&changed.sourceHostID, &changed.targetHostID)
            changed.direction = direction.opposite
        }
        return changed
    }
}
