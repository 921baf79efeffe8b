import LocalSites
import TestGuest

/// What the acts of the demo share: the stage, the services, the protection, and where the guest stands.
struct DemoScene: Sendable {
    let stage: any DemoGround
    var services: DemoServices
    let protection: Registry.Protection

    var plan: DemoPlan { stage.plan }
    var console: any Console { services.session.console }

    /// The guest as it runs from a recovery point at the secondary.
    func replica(_ purpose: String) -> GuestPorts {
        stage.replica(of: protection.id, purpose: purpose)
    }

    func say(_ sentence: String) {
        console.showProgress(nil)
        console.print(console.styled(sentence, .heading))
    }

    func tell(_ sentence: String) { console.print("   \(sentence)") }

    /// Begins a run, shows it as any operator sees it, and answers it as it ended.
    func perform(_ order: RunOrder) async throws -> RunRecord {
        let orchestrator = try await services.session.orchestrator()
        let begun = try await orchestrator.start(order)
        try await RunWatch.follow(begun, in: services.session)
        return try await orchestrator.run(begun.id)
    }

    func order(_ kind: RunRecord.Kind) -> RunOrder {
        var order = RunOrder(kind, of: protection.id)
        if kind == .test || kind == .unplanned { order.point = .latest }
        return order
    }

    /// Lets the guest count on, and waits until it has written more than `record`.
    func goOn(_ guest: GuestPorts, after record: UInt64) async throws {
        try await guest.tell("rate \(plan.recordsPerSecond)", within: plan.stepLimit)
        try await services.wait(for: "the guest to count on from \(record)") {
            guest.console.lastCommitted > record ? true : nil
        }
    }

    /// Waits until replication runs in the given direction and has a point that is newer than `cycle`.
    func waitUntilProtected(reversed: Bool, after cycle: UInt64) async throws {
        try await services.wait(for: "replication to go on \(reversed ? "back to the primary" : "to the secondary")") {
            let current = try await services.vault.registry().protections.first { $0.id == protection.id }
            let newest = try await services.policy.statuses(of: protection.id).first?.newestCycle ?? 0
            return current?.state == .protected && current?.reversed == reversed && newest > cycle ? true : nil
        }
    }

    /// What was sent between the sites for the cycles after `cycle`.
    func sentBytes(after cycle: UInt64) async throws -> UInt64 {
        try await services.policy.history(of: protection.id, limit: 200)
            .filter { $0.cycle > cycle && $0.error == nil }.reduce(0) { $0 + $1.sentBytes }
    }

    func newestCycle() async throws -> UInt64 {
        try await services.policy.statuses(of: protection.id).first?.newestCycle ?? 0
    }
}
