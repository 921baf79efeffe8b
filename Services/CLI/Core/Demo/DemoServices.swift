import LocalSites
import Messages
import TestGuest

/// The demo's own services, spoken to as any operator would.
struct DemoServices: Sendable {
    let stage: any DemoGround
    /// Like the operator's session, but at the demo's endpoints.
    let session: OperatorSession
    let vault: VaultClient
    let policy: PolicyClient
    /// The process that was killed on purpose, and need not run any more.
    var lost: String?

    private static let policyName = "demo"

    init(stage: any DemoGround, session: OperatorSession) async throws {
        self.stage = stage
        let layer = OperatorSettings.Layer(name: "demo", values: stage.endpoints)
        self.session = OperatorSession(
            console: session.console,
            settings: stage.endpoints.isEmpty ? session.settings : OperatorSettings(layers: [layer]), json: false,
            deadline: session.deadline, bus: session.bus)
        vault = try await self.session.vault()
        policy = try await self.session.policy()
    }

    /// Waits until both agents have registered and the guest is in the inventory.
    func waitUntilRegistered() async throws {
        try await wait(for: "both hosts and the guest to be registered") {
            let registry = try await vault.registry()
            let found = registry.guests.contains { $0.name == stage.guestName }
            return registry.hosts.count == 2 && registry.hosts.allSatisfy(\.reachable) && found ? true : nil
        }
        try await wait(for: "the workers to ask for jobs") {
            try await policy.workers().count >= stage.plan.workers ? true : nil
        }
    }

    /// Makes the policy, pairs the clouds, and protects the guest. Of clouds that are paired already, what else the pair
    /// says (fencing, networks) stays.
    func protect(bandwidthBytesPerSecond: UInt64 = 0) async throws -> Registry.Protection {
        _ = try await putPolicy(bandwidthBytesPerSecond: bandwidthBytesPerSecond)
        let (source, target) = (stage.names.primaryCloud, stage.names.secondaryCloud)
        var pair =
            try await vault.registry().pairs.first { $0.source == source && $0.target == target }
            ?? Registry.Pair(source: source, target: target, policy: "", autoProtect: false, protectAll: false)
        pair.policy = Self.policyName
        try await vault.pair(pair)
        return try await vault.protect(ProtectOrder(guest: stage.guestName))
    }

    /// Makes the policy, or changes it; 0: no limit on the bandwidth.
    func putPolicy(bandwidthBytesPerSecond: UInt64) async throws -> PolicyRecord {
        var record = PolicyRecord(name: Self.policyName)
        record.frequencySeconds = stage.plan.frequencySeconds
        record.bandwidthBytesPerSecond = bandwidthBytesPerSecond
        return try await policy.put(record)
    }

    func secondary() async throws -> AgentClient {
        try await session.agent(of: try await vault.registry().host(named: stage.names.secondaryHost))
    }

    /// Looks ten times a second until `look` has an answer.
    ///
    /// - Throws: `OperatorError` when it has none within the plan's limit; what `look` throws while the services are
    ///   still starting does not count.
    @discardableResult
    func wait<Answer>(for what: String, _ look: () async throws -> Answer?) async throws -> Answer {
        let deadline = ContinuousClock.now + stage.plan.stepLimit
        while true {
            do {
                if let answer = try await look() { return answer }
            } catch let error as RemoteError where error.code == .unavailable || error.code == .deadlineExceeded {
                // Not there yet; the limit decides.
            }
            try await stage.checkRunning(except: lost)
            guard ContinuousClock.now < deadline else {
                throw OperatorError(
                    .failed, "waited \(HumanUnits.duration(stage.plan.stepLimit)) for \(what)",
                    remedy: "read \(stage.logs)")
            }
            try await session.pauseBetweenLooks(.milliseconds(100))
        }
    }
}
