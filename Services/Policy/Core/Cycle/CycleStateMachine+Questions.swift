// What others ask of a protection's machine. Nothing of it changes anything.

extension CycleStateMachine {
    /// When the next cycle may begin; nil while one is open or none may.
    var startsAt: PolicyTime? {
        guard case .resting = phase, let schedule else { return nil }
        switch standing {
        case .run: return progress.asked.isNo ? schedule.dueAt : schedule.askedDueAt
        case .onRequest: return progress.asked.isNo ? nil : schedule.askedDueAt
        case .hold, .pause, .release, .gone: return nil
        }
    }

    /// Whether a cycle that is open may go on to its point.
    var mayGoOn: Bool {
        switch standing {
        case .run, .onRequest: true
        case .hold, .pause, .release, .gone: false
        }
    }

    /// When the machine wants to be told that time has passed; starting a cycle apart.
    var wakesAt: PolicyTime? {
        var times: [PolicyTime] = []
        switch phase.openCycle?.keepAlive {
        case .due(let at)?, .asked(_, let at)?: times.append(at)
        case .off?, nil: break
        }
        switch phase {
        case .inspecting(let call), .doubting(_, _, let call), .aborting(_, _, let call), .closing(_, let call):
            if let at = call.repeatAt { times.append(at) }
        case .abandoning(_, let source, let target), .releasing(let source, let target):
            times += [source.repeatAt, target.repeatAt].compactMap { $0 }
        case .resting, .openingCapture, .openingTarget, .transferring, .verifying, .committing, .released, .forgotten:
            break
        }
        return times.min()
    }

    /// A host whose answer is needed, and what it said last instead.
    struct Obstacle: Hashable, Sendable {
        var host: String
        /// Nil: an answer that was of no use.
        var error: PolicyError?
    }

    /// The host whose answer is needed, was asked for, and did not come or was a refusal; nil: nothing stands still.
    var obstacle: Obstacle? {
        func waits(_ call: PersistentCall, _ host: String) -> Obstacle? {
            call.failures > 0 && !call.isSettled ? Obstacle(host: host, error: call.lastError) : nil
        }
        switch phase {
        case .inspecting(let call):
            return waits(call, entry.targetHost)
        case .doubting(let flight, _, let call), .aborting(let flight, _, let call):
            return waits(call, flight.record.targetHost)
        case .closing(let flight, let call):
            return waits(call, flight.record.sourceHost)
        case .abandoning(let flight, let source, let target):
            return waits(source, flight.record.sourceHost) ?? waits(target, flight.record.targetHost)
        case .releasing(let source, let target):
            return waits(source, entry.sourceHost) ?? waits(target, entry.targetHost)
        case .resting, .openingCapture, .openingTarget, .transferring, .verifying, .committing, .released, .forgotten:
            return nil
        }
    }

    /// Whether the open cycle counts where so many may be open. One that only waits for a silent host does not, because
    /// that host may be dead for good, and others' cycles must not wait for it; nor is a capture kept for it any more.
    var holdsPlace: Bool {
        guard let flight = phase.openCycle else { return false }
        return obstacle == nil || flight.keepAlive != .off
    }

    /// The state that the registry should show, when it is for this service to say.
    var desiredState: (state: ProtectionEntry.State, reason: String)? {
        guard standing == .run else { return nil }
        if entry.state == .reversing { return progress.holder == entry.targetHost ? (.protected, "") : nil }
        switch progress.need {
        case .incremental:
            return (.protected, "")
        case .compare(let reason):
            return (.resynchronizing, reason)
        case .full(let reason):
            if progress.parent > 0 { return (.resynchronizing, reason) }
            return progress.lastNumber > 0 ? (.seeding, "") : nil
        }
    }
}
