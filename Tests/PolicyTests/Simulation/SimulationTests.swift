import Foundation
import Testing

@testable import Policy

/// A walk through thousands of steps of an unkind world, from a seed. Run one again with
/// `SimulationTests.walk(seed:)` and the seed that a failure names.
@Suite struct SimulationTests {
    /// `BASCULE_SEEDS=1000` walks further than there is time for on every change.
    static let seeds = UInt64(1)...(ProcessInfo.processInfo.environment["BASCULE_SEEDS"].flatMap(UInt64.init) ?? 24)

    @Test(arguments: seeds)
    func `no seed breaks a rule, and everything ends well`(seed: UInt64) throws {
        try Self.walk(seed: seed)
    }

    /// Walks that never change sides would say nothing about it.
    @Test func `walks change sides, forth and back`() throws {
        var reversals = 0
        for seed in UInt64(1)...8 {
            var world = try SimulatedWorld(seed: seed, protections: 3)
            try world.run(steps: 4_000)
            reversals += world.reversals
        }
        #expect(reversals >= 8)
    }

    static func walk(seed: UInt64) throws {
        var world = try SimulatedWorld(seed: seed, protections: 3)
        try world.run(steps: 4_000)
        let before = world.commits
        world.calm()
        try world.run(milliseconds: 240_000)
        #expect(world.commits > before || world.vault.entries.isEmpty, "nothing was committed after the faults ended")
        try expectFresh(world)
        for id in world.sites.keys.sorted() {
            world.operatorSays(id, .paused, from: [.protected, .seeding, .resynchronizing])
        }
        try world.run(milliseconds: 120_000)
        try expectNothingOpen(world)
    }

    /// Every protection that should run has a young point, and the registry says so.
    private static func expectFresh(_ world: SimulatedWorld) throws {
        for (id, entry) in world.vault.entries {
            guard let machine = world.engine.machines[id] else { throw world.violation("\(id) has no machine") }
            guard entry.state != .disabling else { throw world.violation("\(id) is still being removed") }
            guard entry.state == .protected else {
                throw world.violation("\(id) is \(entry.state), machine \(machine.phase.text) \(machine.progress)")
            }
            guard let newest = machine.progress.newest, world.now - newest.startedAt < 60_000 else {
                throw world.violation("\(id) has no young point: \(machine.phase.text), \(machine.progress)")
            }
        }
    }

    /// At rest nothing is left on either side but the one checkpoint and the replica.
    private static func expectNothingOpen(_ world: SimulatedWorld) throws {
        guard world.engine.board.openCycles == 0 else { throw world.violation("jobs are left on the board") }
        for (id, site) in world.sites {
            if let capture = site.source.capture {
                let machine = world.engine.machines[id]
                throw world.violation(
                    "\(id) has the capture of cycle \(capture.cycle) left open, kept until \(capture.keptUntil), now "
                        + "\(world.now): \(machine?.phase.text ?? "no machine"), \(String(describing: machine?.progress))"
                )
            }
            guard site.target.open == nil else { throw world.violation("\(id) has a cycle left open at the target") }
            if world.vault.entries[id] == nil {
                guard site.source.checkpoints.isEmpty, site.target.isDeleted else {
                    throw world.violation("\(id) was unprotected and left something behind")
                }
                guard world.engine.machines[id] == nil else { throw world.violation("\(id) left its machine") }
            } else {
                guard Array(site.source.checkpoints.keys) == [site.target.newest] else {
                    throw world.violation(
                        "\(id) has checkpoints \(site.source.checkpoints.keys.sorted()), the target holds \(site.target.newest)"
                    )
                }
            }
        }
    }
}
