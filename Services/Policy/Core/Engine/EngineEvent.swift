/// Everything that can happen to the policy service.
enum EngineEvent: Sendable {
    case timePassed
    case asked(RequestToken, ServiceRequest)
    /// The asker of a request that is still open is gone.
    case askerGone(RequestToken)
    case agentAnswered(ProtectionIdentifier, CallNumber, Result<AgentAnswer, PolicyError>)
    /// The vault's answer; the entry is the protection as it is after the change. Nil after one that ended it, because then
    /// there is none, and in a state that this version does not know.
    case vaultAnswered(VaultCall, Result<ProtectionEntry?, PolicyError>)
    case registryTaken(RegistrySnapshot)
    case registryChanged(RegistryChange)
    case vaultSeen
    /// Nothing is heard from the vault.
    case vaultLost(PolicyError)
    /// The vault was asked for its registry, and did not give it.
    case registryRefused(PolicyError)
}

/// A request to one host agent.
struct AgentOrder: Sendable {
    var protection: ProtectionIdentifier
    var number: CallNumber
    var endpoint: String
    /// For people.
    var hostName: String
    var generation: UInt64
    var call: AgentCall
}

/// What the driver does after the changes are durable.
enum EngineAction: Sendable {
    case callAgent(AgentOrder)
    case callVault(VaultCall)
    case answer(RequestToken, Result<ServiceAnswer, PolicyError>)
    /// Answered by the driver from the store, because history is not kept in memory.
    case answerHistory(RequestToken, ProtectionIdentifier, limit: Int)
}

/// What follows from events: first everything durable, then everything outward, in order.
struct EngineOutput: Sendable {
    var changes: [StoreChange] = []
    var actions: [EngineAction] = []
}
