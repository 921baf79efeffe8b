/// One protection's life of cycles.
///
/// ```
///  resting ─due→ openingCapture → openingTarget → transferring → verifying → committing → closing → resting
///                      │               │               │            │            │ answer lost
///                      └───────────────┴───────────────┴→ abandoning ← aborting ← doubting → closing, or committing
/// ```
///
/// What always holds:
/// 1. A cycle number is stored before anything outward is done under it, and is never given twice.
/// 2. The source is told `committed` only after the target said that it holds the cycle, and `abandoned` only when no
///    commit was sent, or after the target acknowledged the abort and said that it does not hold it. So the source
///    keeps the last acknowledged checkpoint until the target has committed the next.
/// 3. No cycle begins before the one before is settled on both sides.
/// 4. An answer counts only for the request that is awaited; any other is ignored and counted.
///
/// It reads no clock and does nothing itself: an event goes in, actions come out.
struct CycleStateMachine: Sendable {
    /// What the registry wants of this protection.
    enum Standing: Hashable, Sendable {
        case run
        /// A failover holds it: cycles begin only when it asks.
        case onRequest
        /// The guest runs at the target: nothing is replicated.
        case hold
        case pause
        case release
        case gone
    }

    private(set) var entry: ProtectionEntry
    private(set) var binding: PolicyBinding
    private(set) var standing: Standing
    var progress: ProtectionProgress
    var schedule: Schedule?
    var phase: CyclePhase
    var status: StatusTracker
    /// Answers that nobody awaited: late or repeated ones, which are harmless.
    private(set) var ignoredAnswers: UInt64 = 0
    private var callsMade: UInt64 = 0

    init(entry: ProtectionEntry, binding: PolicyBinding, progress: ProtectionProgress?, now: PolicyTime) {
        self.entry = entry
        self.binding = binding
        self.progress = progress ?? ProtectionProgress(protection: entry.id)
        standing = Self.standing(for: entry)
        phase = .resting
        status = StatusTracker()
        schedule = nil
        bind(binding, now: now)
        // After the schedule was made, which begins at once where the newest point is of a time to come.
        self.progress.bound(by: now)
    }

    // MARK: Events

    mutating func handle(_ event: CycleEvent, now: PolicyTime) -> [CycleAction] {
        var actions: [CycleAction] = []
        switch event {
        case .timePassed:
            break
        case .listed(let entry, let word):
            list(entry, word, now: now, &actions)
        case .unlisted:
            standing = .gone
            obeyStanding(now: now, &actions)
        case .bound(let binding):
            bind(binding, now: now)
        case .triggered(let consistency):
            schedule?.hurry(at: now)
            progress.asked.ask(for: consistency)
            actions.append(.store(.putProgress(progress)))
        case .answered(let call, let result):
            answered(call, result, now: now, &actions)
        case .jobsFinished(let cycle, let jobs, let sentBytes, let changedBytes):
            jobsFinished(cycle, jobs, sentBytes: sentBytes, changedBytes: changedBytes, now: now, &actions)
        case .jobsFailed(let cycle, let error):
            guard case .transferring(let flight) = phase, flight.record.cycle == cycle else {
                ignoredAnswers += 1
                break
            }
            abandon(flight, because: .failed(error), targetTouched: true, now: now, &actions)
        }
        passTime(now: now, &actions)
        return actions
    }

    /// Begins a cycle, or asks first what the target holds where that is in doubt. Only when `startsAt` has come.
    mutating func start(now: PolicyTime) -> [CycleAction] {
        guard case .resting = phase, mayGoOn, var schedule, case .known(let settings) = binding else {
            preconditionFailure("a cycle was started while one may not be")
        }
        guard progress.doubtful == 0 else {
            var actions: [CycleAction] = []
            let call = ask(entry.targetHost, generation: entry.generation, .describeReplica, &actions)
            phase = .inspecting(PersistentCall(asked: call))
            return actions
        }
        let record = CycleRecord(
            protection: entry.id, generation: entry.generation, cycle: progress.lastNumber + 1,
            parent: progress.parent, kind: progress.need.kind, reason: progress.need.reason,
            wanted: progress.asked.consistency ?? schedule.consistency(at: now), sourceHost: entry.sourceHost,
            targetHost: entry.targetHost,
            guestUUID: entry.guestUUID, dueAt: min(schedule.dueAt, now), startedAt: now, stage: .opened,
            registryVersion: entry.version, reached: .crash, capturedUnixMilliseconds: 0, changedBytes: 0)
        progress.lastNumber = record.cycle
        progress.asked.begin(cycle: record.cycle)
        schedule.started(at: now)
        self.schedule = schedule

        var actions: [CycleAction] = [.store(.putProgress(progress)), .store(.putOpenCycle(record))]
        let order = AgentCall.CaptureOrder(
            guestUUID: record.guestUUID, cycle: record.cycle, kind: record.kind, parent: record.parent,
            consistency: record.wanted, freezeLimitMilliseconds: settings.freezeLimitMilliseconds)
        let call = ask(record.sourceHost, record, .openCapture(order), &actions)
        phase = .openingCapture(CycleInFlight(record: record), call)
        return actions
    }

    /// Continues from the record that a former run of the service left behind.
    mutating func recover(_ record: CycleRecord, now: PolicyTime) -> [CycleAction] {
        precondition(record.protection == entry.id, "a record was given to another protection's machine")
        progress.lastNumber = max(progress.lastNumber, record.cycle)
        var record = record
        record.bound(by: now)
        let flight = CycleInFlight(record: record)
        let restart = PolicyError(.unavailable, "The policy service was restarted during the cycle.")
        var actions: [CycleAction] = []
        guard !isSuperseded(record) else {
            giveUp(flight, now: now, &actions)
            return actions
        }
        switch record.stage {
        case .opened:
            // Its jobs are no longer known, and its capture may have ended meanwhile: begin anew from the parent.
            abandon(flight, because: .interrupted(restart), targetTouched: true, now: now, &actions)
        case .committing:
            doubt(flight, .mustAbort(because: restart), now: now, &actions)
        case .committed:
            close(flight, now: now, &actions)
        }
        return actions
    }

    // MARK: What the registry says

    private mutating func list(
        _ new: ProtectionEntry, _ word: RegistryWord, now: PolicyTime, _ actions: inout [CycleAction]
    ) {
        switch word {
        case .otherEpoch:
            progress.settledVersion = 0
        case .ordinary, .ownResync:
            // Copies may arrive twice or out of order; the version tells.
            guard new.version >= entry.version else { return ignoreAnswer() }
        }
        let former = standing
        // Who is asked what it holds is no longer the target.
        if case .inspecting = phase, new.targetHost != entry.targetHost { phase = .resting }
        entry = new
        standing = Self.standing(for: new)
        // What was held up is made up for at once; the first one has a time of its own.
        if former != .run, standing == .run, progress.lastNumber > 0 { schedule?.hurry(at: now) }
        if !mayGoOn, !progress.asked.isNo {
            progress.asked = .no
            actions.append(.store(.putProgress(progress)))
        }
        if new.state == .resynchronizing, new.version > progress.settledVersion {
            switch word {
            case .ownResync: settleOwnResync(version: new.version, &actions)
            case .ordinary, .otherEpoch: wishForResync(reason: new.stateReason, now: now, &actions)
            }
        }
        if let flight = phase.openCycle, isSuperseded(flight.record) { giveUp(flight, now: now, &actions) }
        obeyStanding(now: now, &actions)
    }

    /// The registry shows the resync that this service itself asked for, so it expresses no wish of an operator.
    private mutating func settleOwnResync(version: UInt64, _ actions: inout [CycleAction]) {
        progress.settledVersion = version
        actions.append(.store(.putProgress(progress)))
    }

    private mutating func wishForResync(reason: String, now: PolicyTime, _ actions: inout [CycleAction]) {
        progress.settledVersion = entry.version
        if case .incremental = progress.need {
            progress.need = .compare(reason: reason.isEmpty ? "Asked for by an operator" : reason)
            schedule?.hurry(at: now)
        }
        actions.append(.store(.putProgress(progress)))
    }

    private mutating func bind(_ new: PolicyBinding, now: PolicyTime) {
        binding = new
        switch new {
        case .known(let settings):
            if schedule == nil {
                schedule = Schedule(progress: progress, settings: settings, now: now)
            } else {
                schedule?.change(to: settings, progress: progress, now: now)
            }
        case .unknown:
            schedule = nil
        }
    }

    /// Turns to what the registry wants as soon as the phase allows it. A cycle whose opening is being answered waits
    /// for that answer, and one that may be committed already is settled first.
    mutating func obeyStanding(now: PolicyTime, _ actions: inout [CycleAction]) {
        switch (standing, phase) {
        case (.run, .releasing), (.run, .released), (.onRequest, .releasing), (.onRequest, .released),
            (.pause, .releasing), (.pause, .released), (.hold, .releasing), (.hold, .released):
            // Its guest was started from the replica meanwhile, which ends the end. What either side has left is seen at
            // the next cycle.
            phase = .resting
        case (.run, _), (.onRequest, _):
            break
        case (_, .transferring(let flight)):
            abandon(flight, because: .stopped, targetTouched: true, now: now, &actions)
        case (.release, .resting), (.release, .inspecting):
            release(now: now, &actions)
        case (.pause, .inspecting), (.hold, .inspecting):
            phase = .resting
        case (.gone, .resting), (.gone, .inspecting), (.gone, .releasing), (.gone, .released):
            phase = .forgotten
            actions.append(.store(.forget(entry.id)))
        case (.pause, .resting), (.pause, .forgotten), (.hold, .resting), (.hold, .forgotten),
            (.release, .releasing), (.release, .released), (.release, .forgotten), (.gone, .forgotten):
            break
        case (_, .openingCapture), (_, .openingTarget), (_, .verifying), (_, .committing), (_, .doubting),
            (_, .aborting), (_, .closing), (_, .abandoning):
            break
        }
    }

    private static func standing(for entry: ProtectionEntry) -> Standing {
        switch entry.state {
        case .enabling, .seeding, .protected, .resynchronizing, .reversing: .run
        case .failingOver: entry.activeSide == .source ? .onRequest : .hold
        case .commitPending, .committed: .hold
        case .paused: .pause
        case .disabling: .release
        }
    }

    // MARK: Small steps that every phase uses

    /// Asks a host under the generation of the open cycle.
    mutating func ask(
        _ host: String, _ record: CycleRecord, _ call: AgentCall, _ actions: inout [CycleAction]
    ) -> CallNumber {
        ask(host, generation: record.generation, call, &actions)
    }

    mutating func ask(
        _ host: String, generation: UInt64, _ call: AgentCall, _ actions: inout [CycleAction]
    ) -> CallNumber {
        callsMade += 1
        let number = CallNumber(value: callsMade)
        actions.append(.call(number, host: host, generation: generation, call))
        return number
    }

    mutating func ignoreAnswer() { ignoredAnswers += 1 }
}
