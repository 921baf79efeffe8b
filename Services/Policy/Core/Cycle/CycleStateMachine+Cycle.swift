// The straight way: from an open capture to a committed point.

extension CycleStateMachine {
    /// Sorts an answer to the phase that awaits it.
    mutating func answered(
        _ call: CallNumber, _ result: Result<AgentAnswer, PolicyError>, now: PolicyTime,
        _ actions: inout [CycleAction]
    ) {
        if let flight = phase.openCycle, case .asked(call, let next) = flight.keepAlive {
            return keepAnswered(result, flight, next: next, now: now, &actions)
        }
        switch phase {
        case .openingCapture(let flight, call):
            captureAnswered(result, flight, now: now, &actions)
        case .openingTarget(let flight, let capture, call):
            targetAnswered(result, flight, capture, now: now, &actions)
        case .verifying(let flight, let jobs, call):
            verificationAnswered(result, flight, jobs, now: now, &actions)
        case .committing(let flight, let jobs, let firstAskedAt, call):
            commitAnswered(result, flight, jobs, firstAskedAt: firstAskedAt, now: now, &actions)
        case .inspecting(let wait) where wait.awaits(call):
            inspectionAnswered(result, wait, now: now, &actions)
        case .doubting(let flight, let doubt, let wait) where wait.awaits(call):
            doubtAnswered(result, flight, doubt, wait, now: now, &actions)
        case .aborting(let flight, let because, let wait) where wait.awaits(call):
            abortAnswered(result, flight, because, wait, now: now, &actions)
        case .closing(let flight, let wait) where wait.awaits(call):
            closeAnswered(result, flight, wait, now: now, &actions)
        case .abandoning(let flight, let source, let target) where source.awaits(call) || target.awaits(call):
            abandonAnswered(call, result, flight, source, target, now: now, &actions)
        case .releasing(let source, let target) where source.awaits(call) || target.awaits(call):
            releaseAnswered(call, result, source, target, now: now, &actions)
        case .resting, .inspecting, .openingCapture, .openingTarget, .transferring, .verifying, .committing, .doubting,
            .aborting, .closing, .abandoning, .releasing, .released, .forgotten:
            ignoreAnswer()
        }
    }

    private mutating func captureAnswered(
        _ result: Result<AgentAnswer, PolicyError>, _ flight: CycleInFlight, now: PolicyTime,
        _ actions: inout [CycleAction]
    ) {
        var flight = flight
        switch result {
        case .success(.captureOpened(let capture)) where capture.cycle == flight.record.cycle:
            do {
                try capture.checkInvariants()
            } catch let error as PolicyError {
                return abandon(flight, because: .failed(error), targetTouched: false, now: now, &actions)
            } catch {
                preconditionFailure("captures are checked with PolicyError only")
            }
            guard mayGoOn else {
                return abandon(flight, because: .stopped, targetTouched: false, now: now, &actions)
            }
            flight.record.reached = capture.consistency
            flight.record.capturedUnixMilliseconds = capture.capturedUnixMilliseconds
            flight.record.changedBytes = capture.changedBytes
            flight.record.offline = capture.offline
            flight.consistencyNote = capture.consistencyNote
            flight.keepAlive = .due(at: now + PolicyLimits.captureKeepEveryMilliseconds)
            status.opened(totalBytes: capture.changedBytes)
            openTarget(flight, capture, &actions)
        case .success:
            let error = Self.unexpected("opening a capture")
            abandon(flight, because: .failed(error), targetTouched: false, now: now, &actions)
        case .failure(let error):
            abandon(flight, because: ending(of: flight.record, error), targetTouched: false, now: now, &actions)
        }
    }

    /// A refused capture may say which other kind of cycle would work. A kind that was already tried is not tried again
    /// at once, because a source that always asks for another would keep both sides busy for nothing.
    private func ending(of record: CycleRecord, _ error: PolicyError) -> CycleEnding {
        guard error.code == .failedPrecondition else { return .failed(error) }
        switch (error.facts["needs"], record.kind) {
        case ("compare", .incremental) where record.parent > 0:
            return .needs(.compare(reason: error.message))
        case ("full", .incremental), ("full", .compare):
            return .needs(.full(reason: error.message))
        case ("compare", _), ("full", _), (_, _):
            return .failed(error)
        }
    }

    private mutating func openTarget(
        _ flight: CycleInFlight, _ capture: Capture, _ actions: inout [CycleAction]
    ) {
        let record = flight.record
        let order = AgentCall.CycleOrder(
            guestUUID: record.guestUUID, guestName: entry.guestName, cycle: record.cycle, parent: record.parent,
            kind: record.kind, capturedUnixMilliseconds: capture.capturedUnixMilliseconds,
            consistency: capture.consistency, disks: capture.disks.map(\.description),
            definition: capture.definition, nvram: capture.nvram,
            // What a comparison will find is not known before; all that is allocated would refuse a disk with room enough.
            expectedBytes: record.kind == .compare ? 0 : capture.changedBytes, retention: binding.settings?.retention)
        let call = ask(record.targetHost, record, .openCycle(order), &actions)
        phase = .openingTarget(flight, capture, call)
    }

    private mutating func targetAnswered(
        _ result: Result<AgentAnswer, PolicyError>, _ flight: CycleInFlight, _ opened: Capture, now: PolicyTime,
        _ actions: inout [CycleAction]
    ) {
        switch result {
        case .success(.cycleOpened(let door)):
            guard mayGoOn, case .known(let settings) = binding else {
                return abandon(flight, because: .stopped, targetTouched: true, now: now, &actions)
            }
            var flight = flight
            let capture: Capture
            do {
                capture = try opened.bringing(door.diverged)
            } catch let error as PolicyError {
                return abandon(flight, because: .failed(error), targetTouched: true, now: now, &actions)
            } catch {
                preconditionFailure("ranges are checked with PolicyError only")
            }
            flight.record.changedBytes = capture.changedBytes
            if capture.changedBytes == 0, !Self.coversEverything(flight.record) {
                commit(flight, jobs: [], firstAskedAt: now, &actions)
            } else {
                phase = .transferring(flight)
                actions.append(.post(flight.record, capture, door, settings))
            }
        case .success:
            let error = Self.unexpected("opening a cycle")
            abandon(flight, because: .failed(error), targetTouched: true, now: now, &actions)
        case .failure(let error):
            abandon(flight, because: .failed(error), targetTouched: true, now: now, &actions)
        }
    }

    /// Whether also regions without changed bytes must be visited: the target may hold what the source no longer has.
    static func coversEverything(_ record: CycleRecord) -> Bool {
        switch record.kind {
        case .compare: true
        // The target takes what a full cycle leaves out for zeros.
        case .full, .incremental: false
        }
    }

    mutating func jobsFinished(
        _ cycle: UInt64, _ jobs: [StoredJob], sentBytes: UInt64, changedBytes: UInt64, now: PolicyTime,
        _ actions: inout [CycleAction]
    ) {
        guard case .transferring(var flight) = phase, flight.record.cycle == cycle else { return ignoreAnswer() }
        flight.sentBytes = sentBytes
        flight.record.changedBytes = changedBytes
        let record = flight.record
        let call = ask(record.sourceHost, record, .verifyCapture(cycle: record.cycle), &actions)
        phase = .verifying(flight, jobs: jobs, call)
    }

    private mutating func verificationAnswered(
        _ result: Result<AgentAnswer, PolicyError>, _ flight: CycleInFlight, _ jobs: [StoredJob], now: PolicyTime,
        _ actions: inout [CycleAction]
    ) {
        switch result {
        case .success where mayGoOn && isBound:
            commit(flight, jobs: jobs, firstAskedAt: now, &actions)
        case .success:
            abandon(flight, because: .stopped, targetTouched: true, now: now, &actions)
        case .failure(let error):
            abandon(flight, because: .failed(error), targetTouched: true, now: now, &actions)
        }
    }

    private var isBound: Bool {
        switch binding {
        case .known: true
        case .unknown: false
        }
    }

    mutating func commit(
        _ flight: CycleInFlight, jobs: [StoredJob], firstAskedAt: PolicyTime, _ actions: inout [CycleAction]
    ) {
        guard case .known(let settings) = binding else {
            preconditionFailure("a cycle is committed only under a known policy")
        }
        var flight = flight
        flight.record.stage = .committing
        actions.append(.store(.putOpenCycle(flight.record)))
        let order = AgentCall.commitCycle(cycle: flight.record.cycle, jobs: jobs, retention: settings.retention)
        let call = ask(flight.record.targetHost, flight.record, order, &actions)
        phase = .committing(flight, jobs: jobs, firstAskedAt: firstAskedAt, call)
    }

    private mutating func commitAnswered(
        _ result: Result<AgentAnswer, PolicyError>, _ flight: CycleInFlight, _ jobs: [StoredJob],
        firstAskedAt: PolicyTime, now: PolicyTime, _ actions: inout [CycleAction]
    ) {
        var flight = flight
        switch result {
        case .success(.committed(let storedBytes)):
            flight.sentBytes = storedBytes
            committed(flight, now: now, &actions)
        case .success:
            doubt(flight, .mayRepeat(jobs: jobs, firstAskedAt: firstAskedAt), now: now, &actions)
        case .failure(let error) where error.isRefusal:
            doubt(flight, .mustAbort(because: error), now: now, &actions)
        case .failure:
            doubt(flight, .mayRepeat(jobs: jobs, firstAskedAt: firstAskedAt), now: now, &actions)
        }
    }

    /// The point exists. It is stored and shown at once; the capture is closed meanwhile.
    mutating func committed(_ flight: CycleInFlight, now: PolicyTime, _ actions: inout [CycleAction]) {
        var flight = flight
        let record = flight.record
        flight.record.stage = .committed
        progress.parent = record.cycle
        progress.holder = record.targetHost
        if progress.asked.isUnderWay(in: record.cycle) { progress.asked = .no }
        progress.newest = .init(cycle: record.cycle, startedAt: record.startedAt)
        if record.wanted == .application, record.reached == .application {
            progress.lastApplicationAt = record.startedAt
        }
        // A wish for a resync that came during an incremental cycle is still open.
        if record.kind != .incremental || progress.need == .incremental { progress.need = .incremental }
        let report = CycleReport(
            cycle: record.cycle, kind: record.kind, consistency: record.reached,
            capturedUnixMilliseconds: record.capturedUnixMilliseconds, endedAt: now,
            durationMilliseconds: now - record.dueAt, changedBytes: record.changedBytes, sentBytes: flight.sentBytes,
            error: nil, reason: record.reason, offline: record.offline)
        status.succeeded(report, consistencyNote: flight.consistencyNote)
        schedule?.succeeded(asked: record.wanted, reached: record.reached, at: now)
        actions.append(.store(.putProgress(progress)))
        actions.append(.store(.putOpenCycle(flight.record)))
        actions.append(.store(.appendReport(entry.id, report)))
        close(flight, now: now, &actions)
    }

    static func unexpected(_ doing: String) -> PolicyError {
        PolicyError(
            .internal, "The agent answered \(doing) with something else.",
            remedy: "Compare the versions of the policy service and of the agent.")
    }
}
