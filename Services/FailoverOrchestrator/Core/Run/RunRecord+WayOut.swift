// What somebody can do about a run that stands still, and what is said of one that was given up.

extension RunRecord {
    /// What a run that waits tells people to do.
    ///
    /// - Parameter isRepeated: it tries again by itself.
    func remedy(for error: OrchestratorError, _ stage: StepStage, isRepeated: Bool) -> String {
        let abandon = "“bascule run abandon \(id.prefix(8))”"
        if stage == .startReplica(.failover), facts.runsAnotherPoint == true {
            let other = facts.point.map {
                " For the other point afterwards, which drops that: “bascule change-point \(guestName) --point \($0.cycle)”."
            }
            return "It stays and keeps what it wrote: \(abandon) ends the run, and the commit is pending."
                + (other ?? "")
        }
        var sentences = error.remedy.isEmpty ? [] : [error.remedy]
        switch progress {
        case .back:
            if !isRepeated { sentences.append("Then “bascule run resume \(id.prefix(8))”.") }
            if case .agent(let side, _)? = call(for: stage, isGoingBack: true) {
                let host = facts.host(side).name
                let rest = stage == .lookForGuest ? ", and what runs there is fenced when it is back" : ""
                sentences.append("If \(host) is lost: \(abandon) goes on without it\(rest).")
            }
        case .forward:
            if kind == .cancel, stage == .stopReplica(.failover), !facts.target.isReachable {
                sentences.append(
                    "If \(facts.target.name) is lost: \(abandon) goes on without it, and what runs there is fenced when "
                        + "it is back.")
            } else if !isRepeated {
                sentences.append("Then resume the run, or abandon it.")
            }
        case .succeeded, .failed: break
        }
        return sentences.joined(separator: " ")
    }

    /// The end of a run that found or left the guest running at the target.
    var leftAtTarget: OrchestratorError {
        OrchestratorError(
            .failedPrecondition,
            "The run was abandoned: \(guestName) runs at \(facts.target.name), and is not replicated.",
            remedy: "Go on with “bascule reverse \(guestName)”, “bascule commit \(guestName)” or “bascule cancel "
                + "\(guestName)”.")
    }

    /// The end of a cancellation that a host had no part in.
    var wentOnWithout: OrchestratorError {
        OrchestratorError(
            .failedPrecondition, "The cancellation went on without a host that did not answer.",
            remedy: "See what runs at \(facts.source.name) and \(facts.target.name).")
    }

    /// The end of a change of point between its guest's stop and its start; nil: anything else, or not there yet.
    var leftOff: OrchestratorError? {
        guard kind == .changePoint, isDone(.stopReplica), !isDone(.startReplica) else { return nil }
        return OrchestratorError(
            .failedPrecondition,
            "The run was abandoned: \(guestName) was stopped at \(facts.target.name), and is not known to run again.",
            remedy: "Start it with “bascule change-point \(guestName) --point latest”, or from another point.")
    }
}
