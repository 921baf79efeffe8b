/// A state that a caller may ask for by name.
enum RequestedState: String, Hashable, CaseIterable, Sendable {
    case enabling, seeding, protected, paused, resynchronizing, disabling
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
        }
    }

    private var verdictOnEnabling: StateChangeVerdict {
        switch self {
        case .enabling: .alreadySo
        case .paused(resumingTo: .enabling): .change(to: .enabling)
        case .disabling: Self.beingRemoved
        case .seeding, .protected, .resynchronizing, .paused: Self.neverBack("enabling")
        }
    }

    private var verdictOnSeeding: StateChangeVerdict {
        switch self {
        case .enabling, .paused(resumingTo: .seeding): .change(to: .seeding)
        case .seeding: .alreadySo
        case .disabling: Self.beingRemoved
        case .paused(resumingTo: .enabling):
            .refuse(reason: "It was paused before its first copy began.", remedy: "Resume it first.")
        case .protected, .resynchronizing, .paused(resumingTo: .protected), .paused(resumingTo: .resynchronizing):
            Self.neverBack("seeding")
        }
    }

    private var verdictOnProtected: StateChangeVerdict {
        switch self {
        case .enabling:
            .refuse(reason: "Its first copy has not begun.", remedy: "Wait until it is seeding.")
        case .seeding, .resynchronizing: .change(to: .protected)
        case .protected: .alreadySo
        case .paused(let active): .change(to: ProtectionState(active))
        case .disabling: Self.beingRemoved
        }
    }

    private var verdictOnPaused: StateChangeVerdict {
        switch self {
        case .enabling: .change(to: .paused(resumingTo: .enabling))
        case .seeding: .change(to: .paused(resumingTo: .seeding))
        case .protected: .change(to: .paused(resumingTo: .protected))
        case .resynchronizing: .change(to: .paused(resumingTo: .resynchronizing))
        case .paused: .alreadySo
        case .disabling: Self.beingRemoved
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
        case .disabling: Self.beingRemoved
        }
    }

    private var verdictOnDisabling: StateChangeVerdict {
        switch self {
        case .disabling: .alreadySo
        case .enabling, .seeding, .protected, .resynchronizing, .paused:
            .refuse(
                reason: "A state change does not say what becomes of the replica.",
                remedy: "Ask for unprotect, which does.")
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
