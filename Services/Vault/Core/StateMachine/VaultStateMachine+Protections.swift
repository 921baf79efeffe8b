/// What becomes of a protection after it was made. Every change is compare-and-set on its version.
extension VaultStateMachine {
    func changeState(_ request: StateChangeRequest, _ draft: inout VaultDraft) throws(VaultError) {
        let reason = TextRule.line(request.reason, maximumBytes: VaultLimits.maximumReasonBytes)
        let protection = try find(request.protection, draft)
        try checkCurrent(protection, request.expectedVersion, draft)
        var changed = protection
        switch protection.state.verdict(on: request.state) {
        case .refuse(let sentence, let remedy):
            throw VaultError(
                .failedPrecondition,
                "Guest \(protection.guestName) is \(protection.state.word) and cannot become "
                    + "\(request.state.rawValue). \(sentence)",
                remedy: remedy,
                facts: ["state": protection.state.word, "version": "\(protection.version)"])
        case .alreadySo:
            // Only a new reason is worth a change; without one the request is a repeated or a late one.
            if !reason.isEmpty { changed.stateReason = reason }
        case .change(let state):
            changed.state = state
            changed.stateReason = reason
        }
        try finish(changed, from: protection, "change_state", outcome: "done: \(changed.state.word)", &draft)
    }

    func setPolicyOverride(
        _ name: String, _ version: ExpectedVersion, _ policy: String, _ draft: inout VaultDraft
    ) throws(VaultError) {
        try TextRule.checkOptionalName(policy, of: "policy")
        let protection = try find(name, draft)
        try checkCurrent(protection, version, draft)
        try checkNotDisabling(protection)
        var changed = protection
        changed.policyOverride = policy
        try finish(changed, from: protection, "set_policy_override", outcome: "done", &draft)
    }

    /// Cleaning both sides is the policy service's work; it confirms when it is done.
    func unprotect(
        _ name: String, _ fate: ProtectionState.ReplicaFate, _ draft: inout VaultDraft
    ) throws(VaultError) {
        let protection = try find(name, draft)
        try checkGeneration(of: protection, draft)
        switch protection.state {
        case .disabling(fate):
            draft.answer(.protection(protection))
            return
        case .disabling: try checkNotDisabling(protection)
        case .enabling, .seeding, .protected, .paused, .resynchronizing, .reversing: break
        case .failingOver:
            throw Self.refusedUnprotect(
                protection, "A failover holds it.", remedy: "Wait until its run ends, or abandon the run.")
        case .commitPending:
            // Without a point nothing is known to run from the replica. A host that a vault from a backup finds to be active is
            // so for ever when its guest runs on its own disks, and there is nothing to commit or cancel then.
            guard protection.failoverCycle == 0, fate == .keep else {
                throw Self.refusedUnprotect(
                    protection, "Its guest runs from the replica, and its failover is not decided.",
                    remedy: "Commit or cancel the failover first.")
            }
        case .committed:
            // The replica's files are the disks of the guest now.
            guard fate == .keep else {
                throw Self.refusedUnprotect(
                    protection, "Its guest runs on the files of the replica.",
                    remedy: "Unprotect it and keep the replica, or reverse the failover first.")
            }
        }
        try leaveOut(protection, &draft)
        var changed = protection
        changed.state = .disabling(fate)
        changed.stateReason = ""
        changed.alarm = ""
        try finish(changed, from: protection, "unprotect", outcome: "done", &draft)
    }

    func confirmUnprotected(
        _ name: String, _ version: ExpectedVersion, _ draft: inout VaultDraft
    ) throws(VaultError) {
        let protection = try find(name, draft)
        try checkCurrent(protection, version, draft)
        switch protection.state {
        case .disabling: break
        case .enabling, .seeding, .protected, .paused, .resynchronizing, .failingOver, .commitPending, .committed,
            .reversing:
            throw VaultError(
                .failedPrecondition,
                "Guest \(protection.guestName) is \(protection.state.word): nobody asked to unprotect it.",
                remedy: "Ask for unprotect first.", facts: ["state": protection.state.word])
        }
        draft.record(.protectionRemoved(protection.id))
        removeLeavingHosts(of: protection, &draft)
        draft.audit("confirm_unprotected", protection.guestName)
    }

    /// Stores, audits and answers; a request that changes nothing is answered with what is there.
    private func finish(
        _ changed: Protection, from protection: Protection, _ action: String, outcome: String,
        _ draft: inout VaultDraft
    ) throws(VaultError) {
        guard changed != protection else {
            draft.answer(.protection(protection))
            return
        }
        draft.answer(.protection(draft.recordProtection(changed)))
        draft.audit(action, protection.guestName, outcome: outcome)
    }

    private static func refusedUnprotect(
        _ protection: Protection, _ reason: String, remedy: String
    ) -> VaultError {
        VaultError(
            .failedPrecondition,
            "Guest \(protection.guestName) is \(protection.state.word) and cannot be unprotected. \(reason)",
            remedy: remedy, facts: ["state": protection.state.word])
    }

    /// An operator's unprotect outlasts the next inventory report. Where there is no more room, guests that no host has any
    /// more make some, because nobody else ever takes them out.
    private func leaveOut(_ protection: Protection, _ draft: inout VaultDraft) throws(VaultError) {
        guard draft.registry.pairs[protection.pair]?.coverage.protectsAll == true else { return }
        let exclusion = GuestExclusion(pair: protection.pair, guestUUID: protection.guestUUID)
        guard !draft.registry.exclusions.contains(exclusion) else { return }
        if draft.registry.exclusions.count >= VaultLimits.maximumExclusions {
            let present = Set(draft.registry.guests.values.flatMap(\.keys))
            for gone in draft.registry.exclusions.filter({ !present.contains($0.guestUUID) }).sorted() {
                draft.record(.exclusionRemoved(gone))
            }
        }
        guard draft.registry.exclusions.count < VaultLimits.maximumExclusions else {
            throw Self.full("guests left out of automatic protection", VaultLimits.maximumExclusions)
        }
        draft.record(.exclusionAdded(exclusion))
    }
}

// MARK: - Finding and fencing

extension VaultStateMachine {
    func find(_ name: String, _ draft: VaultDraft) throws(VaultError) -> Protection {
        let identifier = RegistryIdentifier(name)
        if let identifier, let protection = draft.registry.protections[identifier] { return protection }
        if let identifier, let protection = draft.registry.protection(ofGuest: identifier) { return protection }
        let found = draft.registry.protections.values.filter { $0.guestName == name }.sorted { $0.id < $1.id }
        guard let protection = found.first else {
            throw VaultError(
                .notFound, "There is no protection \(TextRule.quoted(name)).",
                remedy: "Name a protection by its id, or by the name or UUID of its guest.")
        }
        guard found.count == 1 else {
            throw VaultError(
                .failedPrecondition, "\(found.count) protected guests are named \(TextRule.quoted(name)).",
                remedy: "Name the protection by its id or the guest's UUID.",
                facts: ["protections": found.prefix(8).map(\.id.text).joined(separator: ",")])
        }
        return protection
    }

    func checkCurrent(
        _ protection: Protection, _ version: ExpectedVersion, _ draft: VaultDraft
    ) throws(VaultError) {
        try checkGeneration(of: protection, draft)
        switch version {
        case .any: return
        case .exactly(protection.version): return
        case .exactly(let expected):
            throw VaultError(
                .conflict, "The protection of \(protection.guestName) has changed since it was read.",
                remedy: "Read it again and decide anew.",
                facts: [
                    "expected_version": "\(expected)", "version": "\(protection.version)",
                    "state": protection.state.word,
                ])
        }
    }

    private func checkGeneration(of protection: Protection, _ draft: VaultDraft) throws(VaultError) {
        let named = draft.context.generation
        guard named != 0, named != protection.generation else { return }
        let facts = ["named_generation": "\(named)", "generation": "\(protection.generation)"]
        guard named < protection.generation else {
            throw VaultError(
                .conflict, "Generation \(named) of guest \(protection.guestName) is not known here.",
                remedy: "Read the protection again.", facts: facts)
        }
        throw VaultError(
            .staleGeneration,
            "The active side of guest \(protection.guestName) has changed since generation \(named).",
            remedy: "Stop acting for the old generation and read the protection again.", facts: facts)
    }

    private func checkNotDisabling(_ protection: Protection) throws(VaultError) {
        switch protection.state {
        case .enabling, .seeding, .protected, .paused, .resynchronizing, .failingOver, .commitPending, .committed,
            .reversing:
            return
        case .disabling(let fate):
            throw VaultError(
                .failedPrecondition, "The protection of \(protection.guestName) is already being removed.",
                remedy: "Wait until that is done.", facts: ["keep_replica": "\(fate == .keep)"])
        }
    }
}
