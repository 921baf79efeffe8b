import TestGuest

/// Everything at the primary is killed while the guest writes, and the secondary takes over from its newest point.
struct DisasterAct: Sendable {
    let scene: DemoScene

    func play() async throws -> DemoOutcome {
        scene.say("The disaster: everything at the primary is killed (kill -9), guest and agent alike.")
        var scene = scene
        scene.services.lost = "primary"
        let home = scene.stage.home
        try await scene.stage.losePrimary()
        // The guest says now and then which record it wrote last, so this is what is known to have been written.
        let written = home.console.lastCommitted
        scene.tell("The guest had written at least record \(HumanUnits.count(written)).")
        var order = scene.order(.unplanned)
        order.reachSource = false
        let run = try await scene.perform(order)
        let away = scene.replica("failover")
        let found = try await away.waitUntilReady(within: scene.plan.stepLimit)
        let prover = DemoProver(stage: scene.stage, services: scene.services)
        let point = try await prover.records(of: scene.protection, at: run.cycle)
        try await scene.goOn(away, after: found)
        scene.tell("The guest found record \(HumanUnits.count(found)), and counts on at the secondary.")
        return DemoOutcome(
            act: "disaster", rpoMilliseconds: run.rpoMilliseconds, rtoMilliseconds: run.rtoMilliseconds,
            recordsExpected: point.newest, recordsFound: found,
            recordsAfterPoint: written > found ? written - found : 0, faults: point.faults)
    }
}
