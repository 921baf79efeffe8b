/// A decision in the making: later rules see the changes that earlier ones made.
struct VaultDraft {
    private(set) var registry: Registry
    private(set) var decision = VaultDecision()
    let context: RequestContext

    init(registry: Registry, context: RequestContext) {
        self.registry = registry
        self.context = context
    }

    mutating func record(_ change: RegistryChange) {
        registry.apply(change)
        decision.changes.append(change)
    }

    mutating func observe(_ observation: HostObservation) {
        registry.observe(observation)
        decision.observations.append(observation)
    }

    mutating func audit(_ action: String, _ subject: String, actor: String? = nil, outcome: String = "done") {
        decision.audit.append(
            AuditEntry(
                timeUnixMilliseconds: context.moment.unixMilliseconds, actor: actor ?? context.actor, action: action,
                subject: subject, outcome: outcome))
    }

    mutating func note(_ refusal: AutomaticRefusal) { decision.notes.append(refusal) }

    mutating func answer(_ answer: RegistryAnswer) { decision.answer = answer }

    /// Stores a change of a protection: its version rises here and nowhere else.
    mutating func recordProtection(_ protection: Protection) -> Protection {
        var changed = protection
        changed.version += 1
        record(.protection(changed))
        return changed
    }
}
