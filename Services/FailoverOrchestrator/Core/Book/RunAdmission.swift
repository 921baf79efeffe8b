/// Decides whether a run may start, and writes its first record.
struct RunAdmission {
    let request: RunRequest
    let id: String
    let sender: String
    let registry: RegistryView
    /// Runs that matter: those that did not end, and tests that were not cleaned up.
    let others: [RunRecord]
    let now: RunTime

    func record() throws(OrchestratorError) -> RunRecord {
        if request.kind.choosesPoint, request.point == nil {
            throw OrchestratorError(
                .invalidArgument, "The request does not say which point to start from.",
                remedy: "Give LATEST, LATEST_APPLICATION_CONSISTENT, LATEST_VERIFIED, or CYCLE with its number.")
        }
        if let test = testWithoutProtection { return cleanup(of: test) }
        let protection = try registry.protection(named: request.protection)
        try checkOthers(of: protection)
        try checkState(of: protection)
        guard let source = registry.host(protection.sourceHost), let target = registry.host(protection.targetHost)
        else {
            throw OrchestratorError(
                .internal, "The vault names a host of \(protection.guestName) that it does not know.",
                remedy: "See “bascule hosts”.")
        }
        var facts = RunFacts(
            source: source, target: target, generation: protection.generation, version: protection.version)
        try facts.take(registry, protection: protection.id, guest: protection.guestName, run: id)
        if let limit = request.shutdownLimitMilliseconds { facts.shutdownLimitMilliseconds = limit }
        if let action = request.whenShutdownFails { facts.whenShutdownFails = action }
        if request.kind == .cleanup {
            let test = others.first { $0.protection == protection.id && $0.holdsTest }
            try checkVerdict(of: test, protection)
            // Sides may have changed since; the test is where it was started.
            if let test { facts.target = registry.host(test.facts.target.id) ?? test.facts.target }
            facts.point = test?.facts.point
        }
        try checkReach(facts, protection)
        var record = RunRecord(
            id: id, request: request, protection: protection.id, guestUUID: protection.guestUUID,
            guestName: protection.guestName, requestedBy: RunRecord.cut(sender, bytes: 200), requestedAt: now,
            steps: request.steps.map { StepRecord($0) }, facts: facts)
        if request.kind == .unplanned,
            let test = others.first(where: { $0.protection == protection.id && $0.holdsTest })
        {
            record.warn("The test guest of run \(test.id.prefix(8)) is still at \(target.name).")
        }
        return record
    }

    // MARK: Tests that outlived their protection

    /// The guest was unprotected, and perhaps protected again, while its test was being started.
    private var testWithoutProtection: RunRecord? {
        guard request.kind == .cleanup else { return nil }
        return others.first { test in
            test.holdsTest && [test.protection, test.guestUUID, test.guestName].contains(request.protection)
                && !registry.protections.contains { $0.id == test.protection }
        }
    }

    /// It is where it was started, whatever the vault knows.
    private func cleanup(of test: RunRecord) -> RunRecord {
        var facts = test.facts
        facts.target = registry.host(facts.target.id) ?? facts.target
        return RunRecord(
            id: id, request: request, protection: test.protection, guestUUID: test.guestUUID, guestName: test.guestName,
            requestedBy: RunRecord.cut(sender, bytes: 200), requestedAt: now,
            steps: request.steps.map { StepRecord($0) }, facts: facts)
    }

    // MARK: Rules

    /// What was not tested cannot have gone well, and whoever says so means another guest.
    private func checkVerdict(of test: RunRecord?, _ protection: ProtectionEntry) throws(OrchestratorError) {
        guard request.verdict != nil, test == nil else { return }
        throw OrchestratorError(
            .notFound, "No test of \(protection.guestName) is known that could be judged.",
            remedy: "See “bascule runs \(protection.guestName)”; without a verdict the cleanup runs all the same.",
            facts: ["rule": "no-test"])
    }

    private func checkOthers(of protection: ProtectionEntry) throws(OrchestratorError) {
        let open = others.filter { $0.protection == protection.id && !$0.isEnded }
        let conflicting = open.first { other in
            // A test may be cleaned up beside anything else.
            request.kind == .cleanup ? !other.kind.movesSides : true
        }
        if let other = conflicting {
            throw OrchestratorError(
                .failedPrecondition,
                "A \(other.kind.words) of \(protection.guestName) is under way (run \(other.id.prefix(8))).",
                remedy: remedy(beside: other),
                facts: ["rule": "run-under-way", "run": other.id])
        }
        guard let test = others.first(where: { $0.protection == protection.id && $0.holdsTest }) else { return }
        switch request.kind {
        case .test, .planned, .failback, .reverse, .commit:
            throw OrchestratorError(
                request.kind == .test ? .alreadyExists : .failedPrecondition,
                "The test guest of run \(test.id.prefix(8)) is still at \(test.facts.target.name).",
                remedy: "Remove it with “bascule cleanup \(protection.guestName)”.",
                facts: ["rule": "test-not-cleaned", "run": test.id])
        case .cleanup, .unplanned, .changePoint, .cancel: break
        }
    }

    private func remedy(beside other: RunRecord) -> String {
        let id = other.id.prefix(8)
        let isPast: Bool
        switch other.progress {
        case .forward(let index): isPast = other.isBeyondReturn(at: index)
        case .back, .succeeded, .failed: isPast = false
        }
        guard request.kind == .unplanned, other.kind.isPlanned, !isPast else {
            return "Wait for it, or see “bascule run show \(id)”."
        }
        // Its own time does not mend that, and taking it back waits for the source again.
        let source = other.facts.source.name
        return
            "Wait for it. If \(source) is lost: “bascule run abandon \(id) --yes”, again when it waits for \(source), "
            + "then repeat this."
    }

    /// What the vault would refuse is refused before anything is begun; the vault has the last word.
    private func checkState(of protection: ProtectionEntry) throws(OrchestratorError) {
        // It asks nothing of the vault, and a failover that holds the protection does not need the test.
        if request.kind == .cleanup { return }
        if !protection.run.isEmpty {
            throw OrchestratorError(
                .failedPrecondition,
                "\(protection.guestName) is held by run \(protection.run.prefix(8)), which is not under way here.",
                remedy: "Ask the orchestrator that began it. If it lost that run: “bascule run abandon "
                    + "\(protection.run.prefix(8))” lets go of the protection.",
                facts: ["rule": "held", "run": protection.run])
        }
        let allowed: [ProtectionState]
        switch request.kind {
        case .cleanup: return
        case .test, .planned, .failback, .unplanned: allowed = [.protected, .paused, .resynchronizing]
        case .changePoint, .commit, .cancel: allowed = [.commitPending]
        case .reverse: allowed = [.commitPending, .committed]
        }
        guard allowed.contains(protection.state) else {
            throw OrchestratorError(
                .failedPrecondition,
                "\(protection.guestName) is \(protection.state.words); a \(request.kind.words) needs it "
                    + "\(allowed.map(\.words).joined(separator: " or ")).",
                remedy: "See “bascule status”.", facts: ["rule": "state", "state": protection.state.rawValue])
        }
        switch request.kind {
        case .reverse where protection.failoverCycle == 0, .commit where protection.failoverCycle == 0:
            let target = registry.host(protection.targetHost)?.name ?? protection.targetHost
            throw OrchestratorError(
                .failedPrecondition,
                "\(target) took \(protection.guestName) over without the vault, and has not told yet from which point "
                    + "it started it.",
                remedy: "Wait for its next report. When nothing runs there, start it with “bascule change-point "
                    + "\(protection.guestName) --point latest”, or “bascule cancel \(protection.guestName)”. When it runs on "
                    + "its own disks, as it may after the vault was put back: “bascule unprotect \(protection.guestName) "
                    + "--keep-replica”, and protect it anew.",
                facts: ["rule": "no-point"])
        case .planned where protection.isReversed:
            throw OrchestratorError(
                .failedPrecondition,
                "\(protection.guestName) is protected in reverse: going on from here is a failback.",
                remedy: "Use “bascule failback \(protection.guestName)”.", facts: ["rule": "direction"])
        case .failback where !protection.isReversed:
            throw OrchestratorError(
                .failedPrecondition, "\(protection.guestName) is where it was first protected: there is no way back.",
                remedy: "Use “bascule failover \(protection.guestName) --planned”.", facts: ["rule": "direction"])
        case .test, .cleanup, .planned, .failback, .unplanned, .changePoint, .commit, .cancel, .reverse: break
        }
    }

    /// Runs that cannot do without a host are not begun while the vault hears nothing of it.
    private func checkReach(_ facts: RunFacts, _ protection: ProtectionEntry) throws(OrchestratorError) {
        let needed: [HostEntry] =
            switch request.kind {
            case .planned, .failback, .reverse: [facts.source, facts.target]
            // A target that is lost for good must not keep the guest from its source.
            case .cancel: [facts.source]
            case .test, .cleanup, .unplanned, .changePoint, .commit: [facts.target]
            }
        guard let silent = needed.first(where: { !$0.isReachable }) else { return }
        let remedy: String
        if request.kind.isPlanned, silent.id == facts.source.id {
            remedy = "Start its agent, or fail over without it: “bascule failover \(protection.guestName) --unplanned”."
        } else if protection.state == .commitPending, silent.id == facts.target.id {
            remedy =
                "Start its agent. If it is lost: “bascule cancel \(protection.guestName)” lets \(facts.source.name) run "
                + "the guest again, from before the failover."
        } else {
            remedy = "Start its agent."
        }
        throw OrchestratorError(
            .failedPrecondition, "The vault hears nothing of \(silent.name), which a \(request.kind.words) needs.",
            remedy: remedy, facts: ["rule": "host-silent", "host": silent.id])
    }
}
