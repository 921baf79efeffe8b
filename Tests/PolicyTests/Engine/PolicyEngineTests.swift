import Testing

@testable import Policy

/// Requests to the engine, and what it keeps to across protections.
@Suite final class PolicyEngineTests {
    static let snapshot = RegistrySnapshot(
        position: RegistryPosition(epoch: [1], number: 1),
        hosts: [
            HostEntry(id: "h1", name: "alpha", controlEndpoint: "source"),
            HostEntry(id: "h2", name: "beta", controlEndpoint: "target"),
        ],
        pairs: [PairEntry(key: .init(sourceCloud: "a", targetCloud: "b"), policy: "default")], protections: [])

    var engine = PolicyEngine(stored: StoredState(), seed: 1, now: Samples.start)
    var now = Samples.start
    var tokens: UInt64 = 0

    init() {
        engine.handle(.registryTaken(Self.snapshot), now: now)
    }

    func ask(_ request: ServiceRequest) throws -> ServiceAnswer {
        tokens += 1
        let token = RequestToken(value: tokens)
        engine.handle(.asked(token, request), now: now)
        for case .answer(token, let result) in engine.settle(now: now).actions { return try result.get() }
        throw PolicyError(.internal, "no answer")
    }

    func orders(_ output: EngineOutput) -> [AgentOrder] {
        output.actions.compactMap { action in
            guard case .callAgent(let order) = action else { return nil }
            return order
        }
    }

    @Test func `policies are made, changed at their version, and listed`() throws {
        let gold = Samples.settings("gold", frequency: 5)
        guard case .policy(let made) = try ask(.putPolicy(gold, expectedVersion: 0)) else {
            return #expect(Bool(false))
        }
        #expect(made.version == 1)
        var changed = gold
        changed.frequencySeconds = 7
        #expect(throws: PolicyError.self) { _ = try ask(.putPolicy(changed, expectedVersion: 9)) }
        guard case .policy(let again) = try ask(.putPolicy(changed, expectedVersion: 1)) else {
            return #expect(Bool(false))
        }
        #expect(again.version == 2)
        guard case .policy(let repeated) = try ask(.putPolicy(changed, expectedVersion: 0)) else {
            return #expect(Bool(false))
        }
        #expect(repeated.version == 2)
        guard case .policies(let list) = try ask(.listPolicies) else { return #expect(Bool(false)) }
        #expect(list.map(\.name) == ["default", "gold"])
    }

    @Test func `a policy that is used is not deleted, nor the built-in one`() throws {
        _ = try ask(.putPolicy(Samples.settings("gold"), expectedVersion: 0))
        var entry = Samples.entry()
        entry.policyOverride = "gold"
        engine.handle(.registryChanged(.protection(entry)), now: now)
        let used = #expect(throws: PolicyError.self) { _ = try ask(.deletePolicy(name: "gold")) }
        #expect(used?.message.contains("guest web") == true)
        #expect(throws: PolicyError.self) { _ = try ask(.deletePolicy(name: "default")) }
        #expect(throws: PolicyError.self) { _ = try ask(.deletePolicy(name: "none")) }
        entry.policyOverride = ""
        entry.version += 1
        engine.handle(.registryChanged(.protection(entry)), now: now)
        _ = try ask(.deletePolicy(name: "gold"))
    }

    @Test func `a new protection begins at once, and its first event is stored with its number`() {
        engine.handle(.registryChanged(.protection(Samples.entry())), now: now)
        let output = engine.settle(now: now)
        let order = orders(output).first
        #expect(order?.endpoint == "source")
        guard case .openCapture(let capture)? = order?.call else { return #expect(Bool(false), "\(output)") }
        #expect(capture.kind == .full && capture.cycle == 1 && capture.parent == 0)
        #expect(output.changes.contains { if case .putOpenCycle = $0 { true } else { false } })
    }

    @Test func `only a few long cycles are open at once`() {
        for number in 0..<10 {
            let entry = Samples.entry(id: ProtectionIdentifier("p\(number)"))
            engine.handle(.registryChanged(.protection(entry)), now: now)
        }
        #expect(orders(engine.settle(now: now)).count == PolicyLimits.longCyclesMaximum)
    }

    /// As many first cycles as may be open, to a target that is dead, and one to another that waits for its turn.
    private func beginAtDeadTarget() -> ProtectionIdentifier {
        engine.handle(
            .registryChanged(.host(HostEntry(id: "h3", name: "gamma", controlEndpoint: "other"))), now: now)
        for number in 0..<PolicyLimits.longCyclesMaximum {
            let entry = Samples.entry(id: ProtectionIdentifier("p\(number)"))
            engine.handle(.registryChanged(.protection(entry)), now: now)
        }
        var entry = Samples.entry(id: ProtectionIdentifier("q"))
        entry.targetHost = "h3"
        engine.handle(.registryChanged(.protection(entry)), now: now)
        return entry.id
    }

    /// Answers what is asked at this instant. The target is silent, perhaps after it opened each cycle.
    ///
    /// - Returns: whether this protection's capture was asked for.
    private func play(until id: ProtectionIdentifier, changed: [UInt64], opens: Bool) -> Bool {
        while true {
            let orders = orders(engine.settle(now: now))
            if orders.isEmpty { return false }
            for order in orders {
                let result: Result<AgentAnswer, PolicyError>
                switch order.call {
                case .openCapture where order.protection == id: return true
                case .openCapture(let capture):
                    result = .success(.captureOpened(Samples.capture(capture.cycle, changed: changed)))
                case .openCycle where opens: result = .success(.cycleOpened(Samples.door))
                case _ where order.endpoint == "target":
                    result = .failure(PolicyError(.deadlineExceeded, "no answer"))
                case _: result = .success(.done)
                }
                engine.handle(.agentAnswered(order.protection, order.number, result), now: now)
            }
        }
    }

    @Test func `cycles that wait for a dead host keep nobody else's from beginning`() {
        let other = beginAtDeadTarget()
        #expect(play(until: other, changed: [5, 0, 7], opens: false))
    }

    @Test func `while their captures are kept, cycles that wait for a dead host count`() throws {
        let other = beginAtDeadTarget()
        let begun = now
        while !play(until: other, changed: [0, 0, 0], opens: true) {
            now = try #require(engine.wakesAt(after: now))
            try #require(now - begun < 2 * PolicyLimits.captureKeepInDoubtMilliseconds)
        }
        #expect(now - begun > PolicyLimits.captureKeepInDoubtMilliseconds)
    }

    @Test func `a protection without a known policy makes no cycle, and says so`() throws {
        var entry = Samples.entry()
        entry.policyOverride = "gone"
        engine.handle(.registryChanged(.protection(entry)), now: now)
        #expect(orders(engine.settle(now: now)).isEmpty)
        guard case .statuses(let list) = try ask(.status("web")) else { return #expect(Bool(false)) }
        #expect(list[0].health.level == .critical)
        #expect(throws: PolicyError.self) { _ = try ask(.trigger("web", nil)) }
        _ = try ask(.putPolicy(Samples.settings("gone"), expectedVersion: 0))
        #expect(engine.machines[Samples.protection]?.phase.openCycle != nil)
    }

    @Test func `a pair without a policy has the built-in one`() throws {
        let key = PairEntry.Key(sourceCloud: "a", targetCloud: "b")
        engine.handle(.registryChanged(.pair(PairEntry(key: key, policy: ""))), now: now)
        engine.handle(.registryChanged(.protection(Samples.entry())), now: now)
        #expect(!orders(engine.settle(now: now)).isEmpty)
        guard case .statuses(let list) = try ask(.status("web")) else { return #expect(Bool(false)) }
        #expect(list[0].policy == "default" && list[0].health.level == .normal)
        var limited = PolicySettings.builtIn
        limited.bandwidthBytesPerSecond = 1 << 20
        _ = try ask(.putPolicy(limited, expectedVersion: 0))
        #expect(engine.bandwidthPlan(of: key).usualBytesPerSecond == 1 << 20)
        engine.handle(.registryChanged(.pairRemoved(key)), now: now)
        guard case .statuses(let unpaired) = try ask(.status("web")) else { return #expect(Bool(false)) }
        #expect(unpaired[0].health.reason.contains("not paired"))
    }

    @Test func `a host that was removed for good is waited for no more when a guest is unprotected`() throws {
        engine.handle(.registryChanged(.protection(Samples.entry(.disabling))), now: now)
        for order in orders(engine.settle(now: now)) {
            let silence = PolicyError(.deadlineExceeded, "no answer")
            let result: Result<AgentAnswer, PolicyError> =
                order.endpoint == "source" ? .failure(silence) : .success(.done)
            engine.handle(.agentAnswered(order.protection, order.number, result), now: now)
        }
        guard case .statuses(let list) = try ask(.status("web")) else { return #expect(Bool(false)) }
        #expect(list[0].health.remedy.contains("bascule hosts remove alpha"))
        // As the vault tells of a host that is leaving.
        engine.handle(.registryChanged(.host(HostEntry(id: "h1", name: "alpha", controlEndpoint: ""))), now: now)
        now = try #require(engine.wakesAt(after: now))
        let confirms = engine.settle(now: now).actions.contains { action in
            guard case .callVault(.confirmUnprotected) = action else { return false }
            return true
        }
        #expect(confirms)
    }

    @Test func `a host that is not registered is a failure that says so, and is tried again`() throws {
        engine.handle(.registryChanged(.hostRemoved(id: "h1")), now: now)
        engine.handle(.registryChanged(.protection(Samples.entry())), now: now)
        #expect(orders(engine.settle(now: now)).isEmpty)
        guard case .statuses(let list) = try ask(.status("")) else { return #expect(Bool(false)) }
        #expect(list[0].lastFailure?.error?.message.contains("h1") == true)
        engine.handle(
            .registryChanged(.host(HostEntry(id: "h1", name: "alpha", controlEndpoint: "source"))), now: now)
        for _ in 0..<10 {
            now = max(engine.wakesAt(after: now) ?? now, now)
            for order in orders(engine.settle(now: now)) {
                if case .openCapture = order.call { return }
                engine.handle(.agentAnswered(order.protection, order.number, .success(.done)), now: now)
            }
        }
        Issue.record("the next cycle did not begin")
    }

    @Test func `a cycle of a protection that left the registry is still cleaned up, then all is forgotten`() {
        var stored = StoredState()
        stored.openCycles[Samples.protection] = Samples.record()
        stored.progress[Samples.protection] = Samples.progress()
        for host in ["h1", "h2"] {
            _ = stored.registry.apply(.host(HostEntry(id: host, name: host, controlEndpoint: host)))
        }
        engine = PolicyEngine(stored: stored, seed: 1, now: now)
        var output = engine.settle(now: now)
        #expect(orders(output).map(\.call) == [.closeAbandoned(cycle: 8, keep: 7), .abortCycle(cycle: 8)])
        for order in orders(output) {
            engine.handle(.agentAnswered(order.protection, order.number, .success(.done)), now: now)
        }
        output = engine.settle(now: now)
        #expect(output.changes.contains(.forget(Samples.protection)))
        #expect(engine.machines.isEmpty)
    }

    @Test func `names that match nothing or several are refused`() throws {
        #expect(throws: PolicyError.self) { _ = try ask(.status("nobody")) }
        engine.handle(.registryChanged(.protection(Samples.entry(id: ProtectionIdentifier("p1")))), now: now)
        engine.handle(.registryChanged(.protection(Samples.entry(id: ProtectionIdentifier("p2")))), now: now)
        let error = #expect(throws: PolicyError.self) { _ = try ask(.trigger("web", nil)) }
        #expect(error?.facts["protections"] == "p1, p2")
    }

    @Test func `a paused protection is not triggered`() throws {
        engine.handle(.registryChanged(.protection(Samples.entry(.paused))), now: now)
        let error = #expect(throws: PolicyError.self) { _ = try ask(.trigger("web", nil)) }
        #expect(error?.code == .failedPrecondition)
    }

    @Test func `the service's own health tells of the vault`() throws {
        guard case .health(let well) = try ask(.health) else { return #expect(Bool(false)) }
        #expect(well.level == .normal)
        engine.handle(.vaultLost(PolicyError(.unavailable, "silence")), now: now)
        guard case .health(let ill) = try ask(.health) else { return #expect(Bool(false)) }
        #expect(ill.level == .warning)
        engine.handle(.vaultSeen, now: now)
        guard case .health(let again) = try ask(.health) else { return #expect(Bool(false)) }
        #expect(again.level == .normal)
    }

    @Test func `a vault that is heard and does not give its registry is not well`() throws {
        engine.handle(.vaultLost(PolicyError(.unavailable, "silence")), now: now)
        engine.handle(.registryRefused(PolicyError(.internal, "nonsense")), now: now)
        engine.handle(.vaultSeen, now: now)
        engine.handle(.vaultLost(PolicyError(.unavailable, "silence")), now: now)
        engine.handle(.vaultSeen, now: now)
        guard case .health(let ill) = try ask(.health) else { return #expect(Bool(false)) }
        #expect(ill.level == .warning)
        #expect(ill.details.contains { $0.contains("has not given its registry") && $0.contains("nonsense") })
        engine.handle(.registryTaken(Self.snapshot), now: now)
        guard case .health(let again) = try ask(.health) else { return #expect(Bool(false)) }
        #expect(again.level == .normal)
    }

    @Test func `after points of a clock that was ahead the next begins at once, and they grow older`() throws {
        let ahead = now + 366 * 86_400_000
        var stored = StoredState()
        _ = stored.registry.apply(.protection(Samples.entry(.protected)))
        stored.progress[Samples.protection] = Samples.progress(at: ahead)
        stored.policies["default"] = Samples.settings()
        _ = stored.registry.apply(
            .pair(PairEntry(key: .init(sourceCloud: "a", targetCloud: "b"), policy: "default")))
        engine = PolicyEngine(stored: stored, seed: 1, now: now)
        var machine = try #require(engine.machines[Samples.protection])
        #expect(machine.startsAt == now)
        #expect(engine.summary(of: machine, now: now + 10_000).newestAgeMilliseconds == 10_000)
        var record = Samples.record(.committing)
        (record.dueAt, record.startedAt) = (ahead, ahead)
        stored.openCycles[Samples.protection] = record
        engine = PolicyEngine(stored: stored, seed: 1, now: now)
        machine = try #require(engine.machines[Samples.protection])
        let recovered = try #require(machine.phase.openCycle?.record)
        #expect(recovered.startedAt == now && recovered.dueAt == now)
    }
}
