import TestGuest

/// The way home: a planned failover onto the original disks and definition.
struct FailbackAct: Sendable {
    let scene: DemoScene

    func play() async throws -> DemoOutcome {
        scene.say("The failback: the guest comes home to its original disks.")
        let away = scene.replica("failover")
        let mark = away.console.mark
        let home = scene.stage.home
        let homeMark = home.console.mark
        let cycle = try await scene.newestCycle()
        // Read while it happens: the folder of the started replica goes when its disks become a replica again.
        async let poweredOff = away.waitUntilPoweredOff(after: mark, within: scene.plan.stepLimit)
        let run = try await scene.perform(scene.order(.failback))
        let last = try await poweredOff
        let found = try await home.waitUntilReady(after: homeMark, within: scene.plan.stepLimit)
        try await scene.goOn(home, after: found)
        try await scene.waitUntilProtected(reversed: false, after: run.cycle)
        scene.tell("It counts on from \(HumanUnits.count(found)) at the primary, and is replicated as at first.")
        return DemoOutcome(
            act: "failback", rpoMilliseconds: run.rpoMilliseconds, rtoMilliseconds: run.rtoMilliseconds,
            sentBytes: try await scene.sentBytes(after: cycle), recordsExpected: last, recordsFound: found,
            faults: found > last ? ["the primary holds records that the secondary did not write"] : [])
    }
}
