/// A request to the vault about one protection.
enum VaultCall: Hashable, Sendable {
    case changeState(ProtectionIdentifier, expectedVersion: UInt64, ProtectionEntry.State, reason: String)
    case confirmUnprotected(ProtectionIdentifier, expectedVersion: UInt64)

    var protection: ProtectionIdentifier {
        switch self {
        case .changeState(let id, _, _, _), .confirmUnprotected(let id, _): id
        }
    }
}

/// Brings the vault's registry to what this service wants it to show, one protection at a time.
///
/// Nothing is queued: what is wanted follows from the protection's machine and what is there from the copy, so while the
/// vault is away only the newest wish survives, and after a conflict the next step follows from what was read again.
struct StateReconciler: Sendable {
    private struct Attempt: Sendable {
        enum State: Hashable, Sendable {
            case asked
            case waiting(until: PolicyTime)
        }

        var state: State
        var call: VaultCall
        var backoff = Backoff()
    }

    private var attempts: [ProtectionIdentifier: Attempt] = [:]

    /// The next step towards `wanted`, given the legal changes of the protocol.
    static func step(from state: ProtectionEntry.State, to wanted: ProtectionEntry.State) -> ProtectionEntry.State? {
        switch (state, wanted) {
        case (.enabling, .seeding), (.enabling, .protected), (.enabling, .resynchronizing): .seeding
        case (.seeding, .protected), (.seeding, .resynchronizing): .protected
        case (.protected, .resynchronizing): .resynchronizing
        case (.resynchronizing, .protected): .protected
        // Nothing leads back to seeding: a replica that must be made anew shows as resynchronizing.
        case (.protected, .seeding): .resynchronizing
        case (.resynchronizing, .seeding), (.seeding, .seeding), (.protected, .protected),
            (.resynchronizing, .resynchronizing):
            nil
        // Its first cycle back is committed. A resync shows from there on.
        case (.reversing, .protected), (.reversing, .resynchronizing), (.reversing, .seeding): .protected
        // Between the sides the runs of the orchestrator decide.
        case (.failingOver, _), (.commitPending, _), (.committed, _): nil
        case (_, .failingOver), (_, .commitPending), (_, .committed), (_, .reversing): nil
        // Paused and disabling are the operator's; enabling is the vault's.
        case (.paused, _), (.disabling, _), (_, .enabling), (_, .paused), (_, .disabling): nil
        }
    }

    /// Whether this service itself asked for the resynchronizing state that the registry may show next.
    func isOwnResync(_ id: ProtectionIdentifier) -> Bool {
        guard case .changeState(_, _, .resynchronizing, _)? = attempts[id]?.call else { return false }
        return true
    }

    var callsUnderWay: Int { attempts.values.count { $0.state == .asked } }

    /// What to ask the vault now for one protection.
    mutating func next(for machine: CycleStateMachine, now: PolicyTime) -> VaultCall? {
        let id = machine.entry.id
        guard let wanted = wanted(machine) else {
            if attempts[id]?.state != .asked { attempts[id] = nil }
            return nil
        }
        switch attempts[id]?.state {
        case .asked?: return nil
        case .waiting(let until)? where until > now && attempts[id]?.call == wanted: return nil
        case .waiting?, nil: break
        }
        guard callsUnderWay < PolicyLimits.vaultCallsMaximum else { return nil }
        var attempt = attempts[id] ?? Attempt(state: .asked, call: wanted)
        attempt.state = .asked
        attempt.call = wanted
        attempts[id] = attempt
        return wanted
    }

    private func wanted(_ machine: CycleStateMachine) -> VaultCall? {
        let entry = machine.entry
        if case .released = machine.phase {
            return .confirmUnprotected(entry.id, expectedVersion: entry.version)
        }
        guard let desired = machine.desiredState, let step = Self.step(from: entry.state, to: desired.state) else {
            return nil
        }
        return .changeState(entry.id, expectedVersion: entry.version, step, reason: Self.oneLine(desired.reason))
    }

    /// A reason as the vault takes it: one line, and not too long.
    static func oneLine(_ text: String) -> String {
        var line = ""
        for character in text {
            let next = character.isNewline || character == "\t" ? " " : String(character)
            guard line.utf8.count + next.utf8.count <= PolicyLimits.stateReasonBytesMaximum - 3 else {
                return line + "…"
            }
            line += next
        }
        return line
    }

    mutating func succeeded(_ call: VaultCall) { attempts[call.protection] = nil }

    mutating func failed(_ call: VaultCall, now: PolicyTime) {
        guard var attempt = attempts[call.protection], attempt.call == call else { return }
        attempt.state = .waiting(until: now + attempt.backoff.next())
        attempts[call.protection] = attempt
    }

    mutating func forget(_ id: ProtectionIdentifier) { attempts[id] = nil }

    var wakesAt: PolicyTime? {
        attempts.values.compactMap { attempt in
            guard case .waiting(let until) = attempt.state else { return nil }
            return until
        }.min()
    }
}
