/// Waiting for a protection to get somewhere, as a value: what is seen goes in, what to show or how it ended comes out.
package struct StateWait: Sendable {
    package enum Goal: Sendable, Hashable {
        /// Its first committed point.
        case firstPoint
        /// Protected after a comparison.
        case protectedAgain
        /// Paused, and the policy service knows it: no cycle is open, and none will be.
        case atRest

        var verb: String {
            switch self {
            case .firstPoint: "seeding"
            case .protectedAgain: "comparing"
            case .atRest: "pausing"
            }
        }
    }

    package enum Step: Sendable, Equatable {
        case show(String)
        case reached(String)
        case failed(OperatorError)
    }

    private let guest: String
    private let goal: Goal
    private var estimator = ProgressEstimator()

    package init(guest: String, goal: Goal) {
        self.guest = guest
        self.goal = goal
    }

    /// `protection` nil: the vault no longer has it. `status` nil: the policy service has not seen it yet.
    package mutating func step(
        protection: Registry.Protection?, status: ReplicationStatus?, atMilliseconds now: Int64, width: Int?
    ) -> Step {
        guard let protection else {
            return .failed(OperatorError(.refused, "\(guest) is no longer protected", remedy: "see: bascule audit"))
        }
        switch protection.state {
        case .paused where goal == .atRest:
            return restStep(protection, status)
        case .paused:
            let next = "go on with: bascule resume \(guest)"
            return .failed(OperatorError(.refused, "\(guest) was paused meanwhile", remedy: next))
        case .disabling:
            return .failed(OperatorError(.refused, "\(guest) is being unprotected", remedy: "see: bascule audit"))
        case .failingOver, .commitPending, .committed:
            let next = "see how it goes: bascule runs \(guest)"
            return .failed(OperatorError(.refused, "\(guest) is \(protection.state.words)", remedy: next))
        case _ where goal == .atRest:
            let next = "see: bascule audit"
            return .failed(OperatorError(.refused, "\(guest) was resumed meanwhile", remedy: next))
        case .protected where goal == .protectedAgain, .protected where (status?.newestCycle ?? 0) > 0:
            return .reached(sentence(of: status?.lastCycle))
        case .enabling, .seeding, .protected, .resynchronizing, .reversing, .unknown:
            break
        }
        guard let status, status.cycleOpen, status.totalBytes > 0 else {
            return .show("\(goal.verb) \(guest)  \(waitingReason(status))")
        }
        estimator.note(done: status.doneBytes, total: status.totalBytes, atMilliseconds: now)
        return .show(ProgressBar.line("\(goal.verb) \(guest)", estimator, width: width))
    }

    /// Of one that the vault has as paused. The policy service hears of that a moment later, and may begin a cycle before.
    private func restStep(_ protection: Registry.Protection, _ status: ReplicationStatus?) -> Step {
        guard let status else { return .show("\(goal.verb) \(guest)  \(waitingReason(nil))") }
        guard status.protectionVersion > 0 else {
            return .failed(
                OperatorError(
                    .failed, "\(guest) is paused, but this policy service does not tell whether it has heard of that",
                    remedy: "see “paused” in: bascule status \(guest); and bring the policy service to this release"))
        }
        if status.protectionVersion < protection.version {
            return .show("\(goal.verb) \(guest)  the policy service has not heard of it yet")
        }
        if status.cycleOpen { return .show("\(goal.verb) \(guest)  \(status.phase)") }
        return .reached("\(guest): at rest, no cycle is open.")
    }

    private func waitingReason(_ status: ReplicationStatus?) -> String {
        guard let status else { return "the policy service has not taken it up yet" }
        if let failure = status.lastFailure?.error, status.failuresInARow > 0 {
            return "\(status.failuresInARow) failed tries; last: \(failure.message)"
        }
        return status.phase.isEmpty ? "waiting to be due" : status.phase
    }

    private func sentence(of cycle: CycleRecord?) -> String {
        guard let cycle else { return "\(guest): done." }
        let took = HumanUnits.duration(milliseconds: Int64(cycle.durationMilliseconds))
        let sent = "\(HumanUnits.bytes(cycle.sentBytes)) sent of \(HumanUnits.bytes(cycle.changedBytes)) changed"
        return "\(guest): point \(cycle.cycle) is there; \(sent), in \(took)."
    }
}
