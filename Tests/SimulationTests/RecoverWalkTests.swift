import Messages
import SwiftProtobuf
import Testing

@testable import HostAgent

/// A target that is recovered when it does not know, or no longer, which generation gave the right to run to its source.
@Suite struct RecoverWalkTests {
    /// - Parameter absent: a host whose agent does not come up meanwhile.
    private static func go(_ walk: inout Walk, without absent: Int? = nil, until isThere: (Walk) -> Bool) throws {
        for _ in 0..<20_000 where !isThere(walk) {
            try walk.run(steps: 1)
            if let absent, walk.hosts[absent].isUp { walk.hosts[absent].agentEnds() }
        }
        guard isThere(walk) else {
            throw walk.violation("it never came there: \(walk.protection?.state ?? .unspecified)")
        }
    }

    private static func go(_ walk: inout Walk, without absent: Int, for milliseconds: Int64) throws {
        let end = walk.now + milliseconds
        try go(&walk, without: absent) { $0.now >= end }
    }

    /// Failed over to host 1, at generation 2.
    private static func failedOver(seed: UInt64) throws -> Walk {
        var walk = try Walk(seed: seed)
        walk.faults = .none
        try walk.run(milliseconds: 60_000)
        walk.start(.unplanned, reaching: false)
        try go(&walk) { $0.orchestrator.open.isEmpty && $0.protection?.state == .commitPending }
        return walk
    }

    private static func recover(_ walk: inout Walk) throws -> UInt64? {
        let outcome = try walk.hosts[1].recover(cycle: nil)
        walk.note("recover at host 1: \(outcome)")
        guard let side = walk.hosts[1].side, side.isActive else { return nil }
        walk.truth.noteTaking(side.generation, by: 1)
        return side.generation
    }

    /// The vault follows host 1, and host 0 is told.
    private static func expectFollowed(_ walk: inout Walk, _ generation: UInt64) throws {
        walk.plan(.agentStarts(0), after: 10)
        try walk.run(milliseconds: 60_000)
        #expect(walk.protection?.state == .commitPending && walk.protection?.generation == generation)
        #expect(walk.hosts[1].side?.isActive == true && walk.hosts[1].side?.generation == generation)
        #expect(walk.hosts[0].side?.isActive == false && walk.hosts[0].side?.generation == generation)
    }

    /// The source is silent, so that the protection waits for it; the target was released, and forgot its side.
    @Test(arguments: [7, 8, 9] as [UInt64])
    func `replica that was kept is recovered above the generation of a failover that was cancelled`(
        seed: UInt64
    ) throws {
        var walk = try Self.failedOver(seed: seed)
        // No cycle is taken that would tell the replica.
        walk.isPolicyAway = true
        walk.start(.cancel)
        try Self.go(&walk) { $0.orchestrator.open.isEmpty && $0.protection?.state == .protected }
        walk.hosts[0].crashes()
        walk.unprotect(keeping: true)
        try Self.go(&walk, without: 0) { $0.protection?.state == .disabling }
        walk.isPolicyAway = false
        try walk.restartPolicy()
        try Self.go(&walk, without: 0) { $0.hosts[1].side == nil }
        #expect(walk.protection?.state == .disabling)
        #expect(walk.hosts[0].side?.isActive == true && walk.hosts[0].side?.generation == 3)
        #expect(try Self.recover(&walk) == 4)
        try Self.expectFollowed(&walk, 4)
    }

    /// The vault is away, so nobody tells the target of the cancelled failover but the cycles that it refuses.
    @Test(arguments: [7, 8, 9] as [UInt64])
    func `replica that met a newer generation than its side is recovered above it`(seed: UInt64) throws {
        var walk = try Walk(seed: seed)
        walk.faults = .none
        try walk.run(milliseconds: 60_000)
        walk.start(.unplanned, reaching: false)
        try Self.go(&walk) { $0.hosts[1].side?.isActive == true }
        walk.faults.lostAnswers = 1_000
        try Self.go(&walk) { $0.hosts[1].guest?.isOn == true }
        walk.hosts[1].agentEnds()
        walk.faults.lostAnswers = 0
        try Self.go(&walk, without: 1, for: 120_000)
        for _ in 0..<3 {
            guard let run = walk.orchestrator.open.first else { break }
            walk.ask(.abandonRun(.with { $0.id = run.id }))
            try Self.go(&walk, without: 1, for: 90_000)
        }
        #expect(walk.orchestrator.open.isEmpty && walk.protection?.generation == 3)
        #expect(walk.hosts[1].side?.isActive == true && walk.hosts[1].side?.generation == 2)
        walk.isVaultAway = true
        walk.plan(.agentStarts(1), after: 10)
        try Self.go(&walk) { $0.hosts[1].replica?.generation == 3 }
        #expect(walk.hosts[1].side?.isActive == true && walk.hosts[1].side?.generation == 2)
        #expect(try Self.recover(&walk) == 4)
        walk.isVaultAway = false
        try Self.expectFollowed(&walk, 4)
    }
}
