import Messages
import SwiftProtobuf
import Testing

@testable import HostAgent

/// A target that started the guest and then fell silent, in a run that is given up: the guest has been serving meanwhile.
@Suite struct AbandonedStartWalkTests {
    /// The unplanned failover's guest runs at the target, whose agent ended before the answer arrived.
    private static func waiting(seed: UInt64) throws -> Walk {
        var walk = try Walk(seed: seed)
        walk.faults = .none
        try walk.run(milliseconds: 60_000)
        walk.start(.unplanned, reaching: false)
        try go(&walk) { $0.hosts[1].side?.isActive == true }
        walk.faults.lostAnswers = 1_000
        try go(&walk) { $0.hosts[1].guest?.isOn == true }
        walk.hosts[1].agentEnds()
        walk.faults.lostAnswers = 0
        try stayAway(&walk, for: 120_000)
        guard walk.orchestrator.open.first?.wait != nil, walk.hosts[1].guest?.overlay.isEmpty == false else {
            throw walk.violation("it does not wait while its guest writes: \(walk.orchestrator.open)")
        }
        return walk
    }

    private static func go(_ walk: inout Walk, until isThere: (Walk) -> Bool) throws {
        for _ in 0..<20_000 where !isThere(walk) { try walk.run(steps: 1) }
        guard isThere(walk) else { throw walk.violation("it never came there") }
    }

    /// The target's agent does not come up, however often it is asked for.
    private static func stayAway(_ walk: inout Walk, for milliseconds: Int64) throws {
        let end = walk.now + milliseconds
        while walk.now < end {
            try walk.run(steps: 1)
            if walk.hosts[1].isUp { walk.hosts[1].agentEnds() }
        }
    }

    private static func abandon(_ walk: inout Walk) throws {
        guard let run = walk.orchestrator.open.first else { throw walk.violation("no run is open") }
        walk.ask(.abandonRun(.with { $0.id = run.id }))
    }

    @Test(arguments: [7, 8, 9] as [UInt64])
    func `what the guest wrote is there when its agent is back, and the choice is open`(seed: UInt64) throws {
        var walk = try Self.waiting(seed: seed)
        try Self.abandon(&walk)
        try Self.stayAway(&walk, for: 90_000)
        #expect(walk.orchestrator.open.count == 1, "nobody knows yet what runs there")
        walk.plan(.agentStarts(1), after: 10)
        try walk.run(milliseconds: 60_000)
        #expect(walk.orchestrator.open.isEmpty && walk.protection?.state == .commitPending)
        #expect(walk.hosts[1].guest?.isOn == true && walk.hosts[1].guest?.overlay.isEmpty == false)
    }

    /// What it wrote stays on its disks, fenced, until somebody says what becomes of it.
    @Test(arguments: [7, 8, 9] as [UInt64])
    func `a target that is passed over keeps what its guest wrote`(seed: UInt64) throws {
        var walk = try Self.waiting(seed: seed)
        for _ in 0..<3 where !walk.orchestrator.open.isEmpty {
            try Self.abandon(&walk)
            try Self.stayAway(&walk, for: 90_000)
        }
        #expect(walk.orchestrator.open.isEmpty && walk.protection?.activeSide == .source)
        walk.plan(.agentStarts(1), after: 10)
        try walk.run(milliseconds: 120_000)
        #expect(walk.hosts[1].started != nil && walk.hosts[1].guest?.overlay.isEmpty == false)
        #expect(walk.hosts[1].side?.isActive == false)
    }

    /// Also between the guest's first instruction and the note of it.
    @Test func `wherever the target's agent is killed, the run that is given up ends, and drops nothing`() throws {
        var prepared = try Walk(seed: 7)
        prepared.faults = .none
        try prepared.run(milliseconds: 60_000)
        var undisturbed = prepared.forked()
        undisturbed.start(.unplanned, reaching: false)
        try undisturbed.run(milliseconds: 5_000)
        var kept = 0
        for step in prepared.hosts[1].stepsTaken..<undisturbed.hosts[1].stepsTaken {
            var walk = prepared.forked()
            walk.plannedKill = WalkPlannedKill(peer: .host(1), count: step)
            walk.start(.unplanned, reaching: false)
            try Self.go(&walk) { $0.plannedKill == nil }
            guard !walk.orchestrator.open.isEmpty else { continue }
            try Self.abandon(&walk)
            // A call that is under way may take a minute to be given up.
            try walk.run(milliseconds: 180_000)
            guard walk.orchestrator.open.isEmpty else { throw walk.violation("step \(step): it does not end") }
            switch walk.protection?.state {
            case .protected, .resynchronizing: continue
            case .commitPending: kept += 1
            default: throw walk.violation("step \(step): it is \(walk.protection?.state ?? .unspecified)")
            }
            guard walk.hosts[1].guest?.isOn == true else { throw walk.violation("step \(step): it runs nowhere") }
            walk.start(.commit)
            try walk.run(milliseconds: 30_000)
            guard walk.protection?.state == .committed else { throw walk.violation("step \(step): no commit") }
        }
        #expect(kept > 0)
    }
}
