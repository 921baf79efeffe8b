// Answers to requests. Whatever is refused has changed nothing.

extension PolicyEngine {
    mutating func answer(_ request: ServiceRequest, _ token: RequestToken, now: PolicyTime) {
        do {
            switch request {
            case .putPolicy(let settings, let expectedVersion):
                reply(token, .success(.policy(try putPolicy(settings, expectedVersion: expectedVersion, now: now))))
            case .deletePolicy(let name):
                try deletePolicy(name, now: now)
                reply(token, .success(.done))
            case .listPolicies:
                reply(token, .success(.policies(policies.values.sorted { $0.name < $1.name })))
            case .status(let subject):
                reply(token, .success(.statuses(try statuses(of: subject, now: now))))
            case .trigger(let subject, let consistency):
                try triggerCycle(of: subject, consistency, now: now)
                reply(token, .success(.done))
            case .history(let subject, let limit):
                let limit = limit == 0 ? PolicyLimits.historyAnswerDefault : min(limit, PolicyLimits.historyMaximum)
                replyWithHistory(token, try find(subject), limit: limit)
            case .pull(let worker, let freeSlots, let wait):
                try board.pull(token, from: worker, freeSlots: freeSlots, waitMilliseconds: wait, now: now)
            case .report(let report, let readBytes, let sentBytes, let doneBytes):
                let directive = board.report(
                    report, readBytes: readBytes, sentBytes: sentBytes, doneBytes: doneBytes, now: now)
                reply(token, .success(.directive(directive)))
            case .finish(let report, let digest, let sentBytes, let changedBytes):
                try board.finish(report, digest: digest, sentBytes: sentBytes, changedBytes: changedBytes, now: now)
                reply(token, .success(.done))
            case .fail(let report, let error, let isRetryable, let isGivenBack):
                try board.fail(report, error, isRetryable: isRetryable, isGivenBack: isGivenBack, now: now)
                reply(token, .success(.done))
            case .listWorkers:
                reply(token, .success(.workers(board.workers(at: now))))
            case .drainWorker(let name):
                if try board.drain(name, now: now) {
                    output.changes.append(.putDrained(worker: name, seenAt: now))
                }
                reply(token, .success(.workers(board.workers(named: name, at: now))))
            case .resumeWorker(let name):
                if try board.resume(name) { output.changes.append(.clearDrained(worker: name)) }
                reply(token, .success(.workers(board.workers(named: name, at: now))))
            case .leaveBoard(let worker):
                board.leave(worker)
                reply(token, .success(.done))
            case .health:
                reply(token, .success(.health(health(now: now))))
            }
        } catch let error as PolicyError {
            reply(token, .failure(error))
        } catch {
            preconditionFailure("requests are refused with PolicyError only, not \(error)")
        }
    }

    // MARK: Policies

    private mutating func putPolicy(
        _ settings: PolicySettings, expectedVersion: UInt64, now: PolicyTime
    ) throws -> PolicySettings {
        try settings.checkInvariants()
        let known = policies[settings.name]
        guard expectedVersion == 0 || expectedVersion == known?.version else {
            let current = known.map { "version \($0.version)" } ?? "none of this name"
            throw PolicyError(
                .conflict,
                "Policy \(settings.name) was to be changed at version \(expectedVersion); there is \(current).",
                remedy: "Read it again and repeat the change.", facts: ["version": "\(known?.version ?? 0)"])
        }
        guard known != nil || policies.count < PolicyLimits.policiesMaximum else {
            throw PolicyError(
                .resourceExhausted, "There are already \(PolicyLimits.policiesMaximum) policies.",
                remedy: "Delete some that are not used.")
        }
        var settings = settings
        settings.version = known?.version ?? 0
        // Putting what is there already changes nothing, so a repeated request has one effect.
        if let known, known == settings { return known }
        settings.version += 1
        setPolicy(settings, now: now)
        return settings
    }

    private mutating func deletePolicy(_ name: String, now: PolicyTime) throws {
        guard policies[name] != nil else {
            throw PolicyError(
                .notFound, "There is no policy named \(name).", remedy: "See: bascule policy list")
        }
        guard name != PolicySettings.builtIn.name else {
            throw PolicyError(
                .failedPrecondition, "Policy \(name) is built in.", remedy: "Change it instead, or bind another one.")
        }
        let uses = registry.uses(ofPolicy: name)
        guard uses.isEmpty else {
            let shown = uses.prefix(5).joined(separator: ", ") + (uses.count > 5 ? " and \(uses.count - 5) more" : "")
            throw PolicyError(
                .failedPrecondition, "Policy \(name) is used by \(shown).",
                remedy: "Bind those to another policy first.",
                facts: ["uses": "\(uses.count)"])
        }
        removePolicy(name, now: now)
    }

    // MARK: Protections

    /// By identifier, or by the guest's name or UUID when only one matches.
    private func find(_ subject: String) throws -> ProtectionIdentifier {
        let id = ProtectionIdentifier(subject)
        if machines[id] != nil { return id }
        let matches = machines.values.filter { $0.entry.guestName == subject || $0.entry.guestUUID == subject }
        guard let match = matches.first else {
            throw PolicyError(
                .notFound, "No protection is known as \(subject).", remedy: "See the list with: bascule status")
        }
        guard matches.count == 1 else {
            throw PolicyError(
                .invalidArgument, "\(matches.count) protections match \(subject).",
                remedy: "Give the protection's identifier.",
                facts: ["protections": matches.map(\.entry.id.text).sorted().joined(separator: ", ")])
        }
        return match.entry.id
    }

    private mutating func triggerCycle(of subject: String, _ consistency: Consistency?, now: PolicyTime) throws {
        let id = try find(subject)
        guard let machine = machines[id] else { return }
        switch machine.standing {
        case .run, .onRequest:
            break
        case .hold:
            throw PolicyError(
                .failedPrecondition,
                "Guest \(machine.entry.guestName) runs at the target, and nothing is replicated.",
                remedy: "Reverse the failover first.")
        case .pause:
            throw PolicyError(
                .failedPrecondition, "Guest \(machine.entry.guestName) is paused.", remedy: "Resume it first.")
        case .release, .gone:
            throw PolicyError(
                .failedPrecondition, "Protection of guest \(machine.entry.guestName) is being removed.")
        }
        guard case .known = machine.binding else {
            throw PolicyError(
                .failedPrecondition, "There is no policy named \(machine.binding.name), so no cycle can be made.",
                remedy: "Make the policy, or bind the clouds to another one.")
        }
        trigger(id, consistency, now: now)
    }

    private func statuses(of subject: String, now: PolicyTime) throws -> [StatusSummary] {
        guard subject.isEmpty else {
            return [try find(subject)].compactMap { machines[$0] }.map { summary(of: $0, now: now) }
        }
        return machines.values.sorted { ($0.entry.guestName, $0.entry.id) < ($1.entry.guestName, $1.entry.id) }
            .map { summary(of: $0, now: now) }
    }

    func summary(of machine: CycleStateMachine, now: PolicyTime) -> StatusSummary {
        let newest = machine.progress.newest
        let age = newest.map { max(0, now - $0.startedAt) }
        return StatusSummary(
            protection: machine.entry.id, health: health(of: machine, newestAge: age, now: now),
            policy: machine.binding.name, newestCycle: newest?.cycle ?? 0, newestAgeMilliseconds: age,
            load: machine.status.load, last: machine.status.last, lastFailure: machine.status.lastFailure,
            failuresInARow: machine.status.failuresInARow, isCycleOpen: machine.phase.openCycle != nil,
            phase: machine.phase.text, bytesPerSecond: machine.status.bytesPerSecond(at: now),
            version: machine.entry.version)
    }

    private func health(of machine: CycleStateMachine, newestAge: Int64?, now: PolicyTime) -> ProtectionHealth {
        let source = machine.entry.sourceHost
        var unserved: PolicyError?
        if case .transferring = machine.phase, !board.isServed(host: source, named: registry.hostName(source)) {
            unserved = board.noWorker(host: source, named: registry.hostName(source))
        }
        return HealthRules.assess(
            HealthRules.Evidence(
                state: machine.entry.state, stateReason: machine.entry.stateReason, guestName: machine.entry.guestName,
                pair: machine.entry.pair, binding: machine.binding,
                newestAgeMilliseconds: newestAge, need: machine.progress.need,
                failuresInARow: machine.status.failuresInARow, lastError: machine.status.lastFailure?.error,
                unservedBecause: unserved, sourceHostName: registry.hostName(source),
                activeHostName: registry.hostName(machine.entry.activeHost), run: machine.entry.run,
                failoverCycle: machine.entry.failoverCycle, activeSide: machine.entry.activeSide,
                alarm: machine.entry.alarm,
                consistencyNote: machine.status.consistencyNote,
                waitsUntil: machine.progress.lastNumber == 0 ? machine.startsAt : nil,
                standstill: machine.obstacle.map { obstacle in
                    HealthRules.Standstill(
                        hostName: registry.hostName(obstacle.host), phase: machine.phase.text, error: obstacle.error)
                }, now: now))
    }

    private func health(now: PolicyTime) -> ServiceHealth {
        var details = ["\(machines.count) protections, \(board.openCycles) cycles with jobs on the board"]
        let drained = board.drained.count == 0 ? "" : ", \(board.drained.count) names of workers drained"
        details.append("\(board.workers.count) replication workers\(drained)")
        let unserved = machines.values.contains { machine in
            guard case .transferring = machine.phase else { return false }
            let source = machine.entry.sourceHost
            return !board.isServed(host: source, named: registry.hostName(source))
        }
        var level = ProtectionHealth.Level.normal
        if unserved {
            level = .critical
            details.append("Jobs wait, but no worker that can read their source, and is not drained, asks for work")
        }
        switch vaultContact {
        case .present:
            details.append("The vault answers")
        case .never:
            level = max(level, .warning)
            details.append("The vault has not answered since the start; the stored copy of the registry is used")
        case .lost(let since, let error):
            level = max(level, .warning)
            details.append("The vault has been away for \((now - since) / 1_000) s: \(error.message)")
        case .unread(let since, let error):
            level = max(level, .warning)
            details.append("The vault has not given its registry for \((now - since) / 1_000) s: \(error.message)")
        }
        return ServiceHealth(level: level, details: details)
    }
}
