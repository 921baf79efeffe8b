import Foundation
import Messages
import Testing

@testable import HostAgent

/// Walks of thousands of steps, with commands and crashes at any place, through everything that decides. A failure names
/// its seed: `BASCULE_SEED=<seed>` walks that one again, and `BASCULE_SEEDS=1000` walks further than there is time for
/// on every change.
@Suite struct WalkTests {
    static let seeds: ClosedRange<UInt64> = {
        let environment = ProcessInfo.processInfo.environment
        if let seed = environment["BASCULE_SEED"].flatMap(UInt64.init) { return seed...seed }
        return 1...(environment["BASCULE_SEEDS"].flatMap(UInt64.init) ?? 8)
    }()

    static let steps = 6_000

    @Test(arguments: seeds)
    func `no seed breaks what must always hold, and everything ends well`(seed: UInt64) throws {
        var walk = try Walk(seed: seed)
        try walk.run(steps: Self.steps)
        try Self.end(&walk)
        print(
            "seed \(seed), digest \(String(walk.digest, radix: 16)): \(walk.steps) steps, "
                + "\(walk.counts.sorted { $0.key < $1.key }), \(walk.orchestrator.outcomes.sorted { $0.key < $1.key })"
        )
    }

    /// After the faults ended: whatever is under way ends, the guest runs on one side, its points are young, and nothing
    /// is left behind.
    private static func end(_ walk: inout Walk) throws {
        try walk.calm()
        // What the operator asked for last may still be on its way.
        try walk.run(milliseconds: 15_000)
        var tries = 0
        while try walk.finishNext() {
            try walk.run(milliseconds: 15_000)
            tries += 1
            guard tries < 60 else {
                throw walk.violation(
                    "it does not end: \(walk.protection?.state ?? .unspecified), \(walk.orchestrator.open), policy: "
                        + walk.policy.phase(of: walk.protection?.id ?? ""))
            }
        }
        try walk.orchestrator.checkSentences()
        try walk.run(milliseconds: 120_000)
        try expectOneSide(walk)
        walk.change(.paused)
        try walk.run(milliseconds: 120_000)
        try expectNothingLeft(walk)
    }

    private static func expectOneSide(_ walk: Walk) throws {
        guard let protection = walk.protection, protection.state == .protected else {
            throw walk.violation("it is \(walk.protection?.state ?? .unspecified) after all was well")
        }
        let source = try host(protection.sourceHostID, of: walk)
        let target = try host(protection.targetHostID, of: walk)
        guard source.guest?.isOn == true, source.side?.isActive != false else {
            throw walk.violation("the guest does not run at its source, host \(source.index)")
        }
        guard target.guest?.isOn != true || target.side?.isActive == false else {
            throw walk.violation("the guest runs at its target, too")
        }
        guard let newest = target.replica?.points.last,
            newest + 60 > walk.policy.highestCycles[protection.id, default: 0]
        else {
            throw walk.violation("the newest point is \(target.replica?.points.last ?? 0)")
        }
        guard protection.run.isEmpty, walk.orchestrator.open.isEmpty else { throw walk.violation("a run is left") }
    }

    private static func expectNothingLeft(_ walk: Walk) throws {
        guard let protection = walk.protection else { throw walk.violation("the protection is gone") }
        let source = try host(protection.sourceHostID, of: walk)
        let target = try host(protection.targetHostID, of: walk)
        guard !walk.policy.hasOpenJobs else { throw walk.violation("jobs are left on the board") }
        guard source.guest?.capture == nil, target.receiving.opening == nil else {
            throw walk.violation("a capture or a cycle is left open")
        }
        guard let newest = target.replica?.points.last, source.guest?.checkpoints.keys.sorted() == [newest] else {
            throw walk.violation(
                "the source has checkpoints \(source.guest?.checkpoints.keys.sorted() ?? []), the target points "
                    + "\(target.replica?.points ?? [])")
        }
        guard target.started == nil, target.test == nil, source.test == nil, target.replica?.running == nil else {
            throw walk.violation("a started replica is left at the target")
        }
    }

    private static func host(_ id: String, of walk: Walk) throws -> WalkHost {
        guard let index = WalkWords.hosts.firstIndex(of: id) else { throw walk.violation("no host \(id)") }
        return walk.hosts[index]
    }
}
