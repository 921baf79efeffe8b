import TestGuest

/// A test failover beside running replication, and its cleanup: production counts on, and nothing stays behind.
struct TestAct: Sendable {
    let scene: DemoScene

    func play() async throws -> DemoOutcome {
        scene.say("A test failover: a second copy of the guest starts at the secondary, beside running replication.")
        let production = scene.stage.home
        let before = production.console.lastCommitted
        let cycleBefore = try await scene.newestCycle()
        let run = try await scene.perform(scene.order(.test))
        let copy = scene.replica("test")
        let found = try await copy.waitUntilReady(within: scene.plan.stepLimit)
        try await scene.goOn(copy, after: found)
        scene.tell("The copy found record \(HumanUnits.count(found)) on its disks, and counts on for itself.")
        // Beside what the copy found, what the point holds, read from it while the copy writes to an overlay of its own.
        let point = try await DemoProver(stage: scene.stage, services: scene.services)
            .records(of: scene.protection, at: run.cycle)
        var faults = point.faults
        if run.cycle < cycleBefore {
            faults.append("the copy is of point \(run.cycle), older than point \(cycleBefore)")
        }
        if found > point.newest { faults.append("the copy began with records that its point does not hold") }
        // The point may be older than the request, never newer than what production had written when the copy started.
        if found > production.console.lastCommitted { faults.append("the copy holds records that nobody wrote") }

        scene.say("Its cleanup: every trace of the test goes.")
        _ = try await scene.perform(scene.order(.cleanup))
        faults += try scene.stage.traces(ofReplicaOf: scene.protection.id, purpose: "test")
        try await scene.services.wait(for: "points made after the test") {
            try await scene.newestCycle() > cycleBefore + 1 ? true : nil
        }
        let after = production.console.lastCommitted
        scene.tell("Production wrote \(HumanUnits.count(after - before)) records meanwhile, and points went on.")
        if after <= before { faults.append("production stood still during the test") }
        return DemoOutcome(
            act: "test failover", rpoMilliseconds: run.rpoMilliseconds, rtoMilliseconds: run.rtoMilliseconds,
            recordsExpected: point.newest, recordsFound: found, faults: faults)
    }
}
