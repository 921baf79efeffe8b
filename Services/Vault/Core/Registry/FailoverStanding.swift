/// Where a protection stands between its sides, for one run that asks: all that a step's legality depends on.
struct FailoverStanding: Hashable, Sendable {
    /// Whose the protection is, as the run that asks sees it.
    enum Holder: String, Hashable, CaseIterable, Sendable {
        case nobody, thisRun, anotherRun
    }

    var state: ProtectionState
    var activeSide: ActiveSide
    var holder: Holder

    /// What the table says about one step.
    enum Verdict: Hashable, Sendable {
        case change(to: Outcome)
        /// It is already so: nothing changes, and the answer is the protection as it is.
        case alreadySo
        case refuse(reason: String, remedy: String)
    }

    struct Outcome: Hashable, Sendable {
        var state: ProtectionState
        var activeSide: ActiveSide
        /// Whether the run that asked holds the protection afterwards.
        var isHeld: Bool
        /// Exactly when the active host changes.
        var generationRises = false
        /// Source and target, and with them the direction, are exchanged.
        var changesPlaces = false
    }

    /// Every combination that a protection can be in; see ``Protection``.
    static let all: [FailoverStanding] = ProtectionState.all.flatMap { state in
        ActiveSide.allCases.filter(state.possibleSides.contains).flatMap { side in
            Holder.allCases.filter { ($0 != .nobody) == (state == .failingOver) }
                .map { FailoverStanding(state: state, activeSide: side, holder: $0) }
        }
    }

    /// The table of legal steps, over every combination. `Vault.docc/Overview.md`, "Failover steps", shows it.
    func verdict(on step: FailoverStep) -> Verdict {
        switch state {
        case .enabling, .seeding, .paused(resumingTo: .enabling), .paused(resumingTo: .seeding):
            .refuse(reason: "There is no recovery point yet.", remedy: "Wait until the first copy is done.")
        case .protected, .resynchronizing, .paused(resumingTo: .protected), .paused(resumingTo: .resynchronizing):
            step == .begin ? .change(to: held(on: .source)) : Self.notBegun
        case .reversing, .paused(resumingTo: .reversing):
            .refuse(reason: "The first cycle back is not complete.", remedy: "Wait until it is protected.")
        case .disabling:
            .refuse(reason: "Its protection is being removed.", remedy: "Protect the guest again when that is done.")
        case .failingOver:
            switch holder {
            case .thisRun: verdictOfItsRun(on: step)
            case .anotherRun, .nobody:
                .refuse(reason: "Another run holds it.", remedy: "Wait until that run ends, or abandon it.")
            }
        case .commitPending: verdictWhilePending(on: step)
        case .committed: verdictWhenCommitted(on: step)
        }
    }

    private func verdictOfItsRun(on step: FailoverStep) -> Verdict {
        switch (step, activeSide) {
        case (.begin, _): .alreadySo
        case (.retreat, .source): .change(to: Outcome(state: .protected, activeSide: .source, isHeld: false))
        case (.activateTarget, .source): .change(to: held(on: .target, generationRises: true))
        case (.pend, .target): .change(to: Outcome(state: .commitPending, activeSide: .target, isHeld: false))
        case (.cancel, .target): .change(to: held(on: .source, generationRises: true))
        case (.reverse, .target): .change(to: Self.reversed)
        case (.retreat, .target):
            .refuse(reason: "The target is active already.", remedy: "Cancel first, which makes the source active.")
        case (.activateTarget, .target):
            .refuse(reason: "The target is active already.", remedy: "Go on, or change the point when it is pending.")
        case (.pend, .source), (.cancel, .source), (.reverse, .source):
            .refuse(reason: "The target is not active.", remedy: "Activate the target first, or retreat.")
        case (.changePoint, _), (.commit, _):
            .refuse(reason: "The failover is still under way.", remedy: "Wait until its commit is pending.")
        }
    }

    private func verdictWhilePending(on step: FailoverStep) -> Verdict {
        switch step {
        case .changePoint: .change(to: Outcome(state: .commitPending, activeSide: .target, isHeld: false))
        case .commit: .change(to: Outcome(state: .committed, activeSide: .target, isHeld: false))
        case .cancel: .change(to: held(on: .source, generationRises: true))
        case .reverse: .change(to: Self.reversed)
        case .begin, .retreat, .activateTarget, .pend:
            .refuse(
                reason: "Its guest runs at the target already.",
                remedy: "Commit, change the point, cancel or reverse the failover.")
        }
    }

    private func verdictWhenCommitted(on step: FailoverStep) -> Verdict {
        switch step {
        case .commit: .alreadySo
        case .reverse: .change(to: Self.reversed)
        case .begin, .retreat, .activateTarget, .pend, .changePoint, .cancel:
            .refuse(
                reason: "Its guest runs at the target for good; the other points are gone.",
                remedy: "Reverse the failover, then fail back.")
        }
    }

    private func held(on side: ActiveSide, generationRises: Bool = false) -> Outcome {
        Outcome(state: .failingOver, activeSide: side, isHeld: true, generationRises: generationRises)
    }

    private static let reversed = Outcome(
        state: .reversing, activeSide: .source, isHeld: false, changesPlaces: true)

    private static let notBegun = Verdict.refuse(
        reason: "No failover was begun.", remedy: "Begin one, and take this step in its run.")
}

extension FailoverStanding {
    init(of protection: Protection, for run: RegistryIdentifier) {
        let holder: Holder =
            switch protection.run {
            case nil: .nobody
            case run: .thisRun
            case .some: .anotherRun
            }
        self.init(state: protection.state, activeSide: protection.activeSide, holder: holder)
    }
}
