/// A state that a caller may ask for by name.
enum RequestedState: String, Hashable, CaseIterable, Sendable {
    case enabling, seeding, protected, paused, resynchronizing, disabling
    case failingOver = "failing over"
    case commitPending = "commit pending"
    case committed, reversing
}

/// What the table says about one request in one state.
enum StateChangeVerdict: Hashable, Sendable {
    case change(to: ProtectionState)
    /// It is already so: nothing changes, and the answer is the protection as it is.
    case alreadySo
    case refuse(reason: String, remedy: String)
}

extension ProtectionState {
    /// The table of legal changes, over every combination.
    ///
    /// Asking for `protected` while paused means "go on": the protection returns to where it was paused.
    func verdict(on requested: RequestedState) -> StateChangeVerdict {
        switch requested {
        case .enabling: verdictOnEnabling
        case .seeding: verdictOnSeeding
        case .protected: verdictOnProtected
        case .paused: verdictOnPaused
        case .resynchronizing: verdictOnResynchronizing
        case .disabling: verdictOnDisabling
        case .failingOver: verdictOnMoving(to: .failingOver)
        case .commitPending: verdictOnMoving(to: .commitPending)
        case .committed: verdictOnMoving(to: .committed)
        case .reversing: verdictOnMoving(to: .reversing)
        }
    }

    private var verdictOnEnabling: StateChangeVerdict {
        switch self {
        case .enabling: .alreadySo
        case .paused(resumingTo: .enabling): .change(to: .enabling)
        case .disabling: Self.beingRemoved
        case .seeding, .protected, .resynchronizing, .paused, .reversing: Self.neverBack("enabling")
        case .failingOver, .commitPending, .committed: failedOver
        }
    }

    private var verdictOnSeeding: StateChangeVerdict {
        switch self {
        case .enabling, .paused(resumingTo: .seeding): .change(to: .seeding)
        case .seeding: .alreadySo
        case .disabling: Self.beingRemoved
        case .paused(resumingTo: .enabling):
            .refuse(reason: "It was paused before its first copy began.", remedy: "Resume it first.")
        case .protected, .resynchronizing, .reversing, .paused(resumingTo: .protected),
            .paused(resumingTo: .resynchronizing), .paused(resumingTo: .reversing):
            Self.neverBack("seeding")
        case .failingOver, .commitPending, .committed: failedOver
        }
    }

    private var verdictOnProtected: StateChangeVerdict {
        switch self {
        case .enabling:
            .refuse(reason: "Its first copy has not begun.", remedy: "Wait until it is seeding.")
        case .seeding, .resynchronizing, .reversing: .change(to: .protected)
        case .protected: .alreadySo
        case .paused(let active): .change(to: ProtectionState(active))
        case .disabling: Self.beingRemoved
        case .failingOver, .commitPending, .committed: failedOver
        }
    }

    private var verdictOnPaused: StateChangeVerdict {
        switch self {
        case .enabling: .change(to: .paused(resumingTo: .enabling))
        case .seeding: .change(to: .paused(resumingTo: .seeding))
        case .protected: .change(to: .paused(resumingTo: .protected))
        case .resynchronizing: .change(to: .paused(resumingTo: .resynchronizing))
        case .reversing: .change(to: .paused(resumingTo: .reversing))
        case .paused: .alreadySo
        case .disabling: Self.beingRemoved
        case .failingOver, .commitPending, .committed: failedOver
        }
    }

    private var verdictOnResynchronizing: StateChangeVerdict {
        switch self {
        case .enabling, .seeding, .paused(resumingTo: .enabling), .paused(resumingTo: .seeding):
            .refuse(
                reason: "There is no recovery point yet to compare with.",
                remedy: "Wait until the first copy is done.")
        case .protected, .paused(resumingTo: .protected), .paused(resumingTo: .resynchronizing):
            .change(to: .resynchronizing)
        case .resynchronizing: .alreadySo
        case .reversing, .paused(resumingTo: .reversing):
            .refuse(
                reason: "The first cycle back is not complete; where it has to, it compares by itself.",
                remedy: "Wait until it is protected.")
        case .disabling: Self.beingRemoved
        case .failingOver, .commitPending, .committed: failedOver
        }
    }

    private var verdictOnDisabling: StateChangeVerdict {
        switch self {
        case .disabling: .alreadySo
        case .enabling, .seeding, .protected, .resynchronizing, .paused, .failingOver, .commitPending, .committed,
            .reversing:
            .refuse(
                reason: "A state change does not say what becomes of the replica.",
                remedy: "Ask for unprotect, which does.")
        }
    }

    /// Sides change by the steps of a run alone. Asking for what is so already is harmless, and a pause goes on where
    /// it was paused, whichever of the two words is used.
    private func verdictOnMoving(to state: ProtectionState) -> StateChangeVerdict {
        if self == state { return .alreadySo }
        if self == .paused(resumingTo: .reversing), state == .reversing { return .change(to: .reversing) }
        return .refuse(
            reason: "A state change does not move a guest from side to side.",
            remedy: "Ask for a failover, commit, cancel or reverse.")
    }

    /// What refuses everything that would have the source replicate on.
    private var failedOver: StateChangeVerdict {
        switch self {
        case .failingOver:
            .refuse(
                reason: "A failover holds it, and alone says when cycles run.",
                remedy: "Wait until its run ends, or abandon the run.")
        case .commitPending:
            .refuse(
                reason: "Its guest runs at the target, and nothing is replicated.",
                remedy: "Commit, change the point, cancel or reverse the failover.")
        case .enabling, .seeding, .protected, .paused, .resynchronizing, .disabling, .committed, .reversing:
            .refuse(
                reason: "Its guest runs at the target for good, and nothing is replicated.",
                remedy: "Reverse the failover.")
        }
    }

    private static let beingRemoved = StateChangeVerdict.refuse(
        reason: "Its protection is being removed.", remedy: "Protect the guest again when that is done.")

    private static func neverBack(_ word: String) -> StateChangeVerdict {
        .refuse(
            reason: "A protection does not go back to \(word).",
            remedy: "Ask for a resync, or unprotect and protect the guest again.")
    }
}
