import TestGuest

/// A planned failover: shut down, last delta, start at the secondary, replicate back; the count goes on unbroken.
struct PlannedAct: Sendable {
    let scene: DemoScene

    func play() async throws -> DemoOutcome {
        scene.say("A planned failover: shut down at the primary, start at the secondary, replicate back.")
        let home = scene.stage.home
        let mark = home.console.mark
        let cycle = try await scene.newestCycle()
        let run = try await scene.perform(scene.order(.planned))
        let last = try await home.waitUntilPoweredOff(after: mark, within: scene.plan.stepLimit)
        let away = scene.replica("failover")
        let found = try await away.waitUntilReady(within: scene.plan.stepLimit)
        try await scene.goOn(away, after: found)
        scene.tell(
            "The last record at the primary was \(HumanUnits.count(last)); the first at the secondary is \(HumanUnits.count(found + 1))."
        )
        try await scene.waitUntilProtected(reversed: true, after: run.cycle)
        scene.tell("Replication runs back to the primary, onto the guest's own old disks.")
        return DemoOutcome(
            act: "planned failover", rpoMilliseconds: run.rpoMilliseconds, rtoMilliseconds: run.rtoMilliseconds,
            sentBytes: try await scene.sentBytes(after: cycle), recordsExpected: last, recordsFound: found,
            faults: found > last ? ["the replica holds records that the primary did not write"] : [])
    }
}
