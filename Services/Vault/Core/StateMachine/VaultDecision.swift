/// What is to be done about one request: first stored, then applied, then answered and published.
struct VaultDecision: Hashable, Sendable {
    var changes: [RegistryChange] = []
    var observations: [HostObservation] = []
    var audit: [AuditEntry] = []
    var notes: [AutomaticRefusal] = []
    var answer: RegistryAnswer = .done

    /// Nothing of it needs the database.
    var isVolatile: Bool { changes.isEmpty && audit.isEmpty }
}

/// Why automatic protection left a guest alone; remembered so that the audit says it once and not with every report.
struct AutomaticRefusal: Hashable, Sendable {
    var guest: Guest.Key
    /// `nil`: there is no longer anything to say.
    var sentence: String?
}

/// Who asks, when, and for which generation.
struct RequestContext: Hashable, Sendable {
    var moment: VaultMoment
    var actor: String
    /// Of the protection that the command is about; 0: about none.
    var generation: UInt64

    init(moment: VaultMoment, actor: String, generation: UInt64 = 0) {
        self.moment = moment
        self.actor = actor
        self.generation = generation
    }
}
