import Foundation
import Messages
import Testing

@testable import HostAgent

/// Every kind of run, with one service killed once, inside whatever it does meanwhile: the agent of either side at each
/// of its steps, vault, policy service and orchestrator inside each request, answer and wake-up. The run ends as it would
/// have; where it is taken back instead, it says why, and everything is as before.
@Suite struct RunKillTests {
    enum Case: String, CaseIterable, Sendable {
        case test, cleanup, planned, unplanned, unplannedReaching, changePoint, commit, cancel, reverse, failback
        /// Onto the guest's own disks, and from there onwards.
        case unplannedHome, reverseFromHome

        var kind: RunKind {
            switch self {
            case .test: .test
            case .cleanup: .cleanup
            case .planned: .planned
            case .unplanned, .unplannedReaching, .unplannedHome: .unplanned
            case .changePoint: .changePoint
            case .commit: .commit
            case .cancel: .cancel
            case .reverse, .reverseFromHome: .reverse
            case .failback: .failback
            }
        }

        /// The runs that lead to where it may begin.
        var before: [RunKind] {
            switch self {
            case .test, .planned, .unplanned, .unplannedReaching: []
            case .cleanup: [.test]
            case .changePoint, .commit, .cancel, .reverse: [.unplanned]
            case .failback, .unplannedHome: [.planned]
            case .reverseFromHome: [.planned, .unplanned]
            }
        }
    }

    /// What is left of a world when numbers that only count are taken away.
    private struct Shape: Equatable, CustomStringConvertible {
        var state: ProtectionState
        var direction: Direction
        var side: ActiveSide
        var runs: [Bool]
        var holds: [String]

        init(_ walk: Walk) throws {
            guard let protection = walk.protection else { throw walk.violation("the protection is gone") }
            state = protection.state
            direction = protection.direction
            side = protection.activeSide
            runs = walk.hosts.map { $0.guest?.isOn == true }
            holds = walk.hosts.map { host in
                let replica = host.replica.map { $0.isAdopted ? "own disks as base" : "replica" } ?? "no replica"
                let started = host.started.map { " runs \($0.phase.name)" } ?? ""
                return replica + started + (host.test == nil ? "" : " test") + (host.guest?.isOwn == true ? " own" : "")
            }
        }

        var description: String { "\(state) \(direction) \(side), runs \(runs), \(holds)" }
    }

    // MARK: Runs without trouble

    private static func prepared(_ which: Case) throws -> Walk {
        var walk = try Walk(seed: 7)
        walk.faults = .none
        try walk.run(milliseconds: 60_000)
        for kind in which.before { try perform(kind, reaches: true, in: &walk) }
        return walk
    }

    /// To the end of the run, and for as long as what follows it takes.
    private static func perform(_ kind: RunKind, reaches: Bool, in walk: inout Walk) throws {
        walk.start(kind, reaching: reaches)
        try walk.run(milliseconds: 1_000)
        var waits = 0
        while !walk.orchestrator.open.isEmpty {
            try walk.run(milliseconds: 1_000)
            waits += 1
            guard waits < 600 else {
                throw walk.violation("the \(kind) stands still: \(walk.orchestrator.open)")
            }
        }
        // A first cycle back that was disturbed is tried again after a while.
        waits = 0
        while walk.protection?.state == .reversing, waits < 20 {
            try walk.run(milliseconds: 10_000)
            waits += 1
        }
        try walk.run(milliseconds: 20_000)
    }

    private static func reaches(_ which: Case) -> Bool { which == .unplannedReaching }

    @Test func `undisturbed, each kind succeeds`() throws {
        for which in Case.allCases {
            var walk = try Self.prepared(which)
            let before = Self.successes(walk)
            try Self.perform(which.kind, reaches: Self.reaches(which), in: &walk)
            let count = Self.successes(walk)
            #expect(count == before + 1, "\(which): \(walk.orchestrator.outcomes)")
        }
    }

    private static func successes(_ walk: Walk) -> Int {
        var count = 0
        for (outcome, number) in walk.orchestrator.outcomes where outcome.hasSuffix("succeeded") { count += number }
        return count
    }

    // MARK: Kills

    @Test(arguments: Case.allCases)
    func `killed once, anywhere, it ends as it would have`(which: Case) throws {
        let prepared = try Self.prepared(which)
        let before = try Shape(prepared)
        var undisturbed = prepared.forked()
        try Self.perform(which.kind, reaches: Self.reaches(which), in: &undisturbed)
        let wanted = try Shape(undisturbed)
        var kills = 0
        var takenBack = 0
        for plan in Self.plans(from: prepared, to: undisturbed) {
            var walk = prepared.forked()
            walk.plannedKill = plan
            try Self.perform(which.kind, reaches: Self.reaches(which), in: &walk)
            // One that is killed before it noted the request knows nothing of it, and is asked again.
            if walk.orchestrator.outcomes == prepared.orchestrator.outcomes {
                try Self.perform(which.kind, reaches: Self.reaches(which), in: &walk)
            }
            guard walk.plannedKill == nil else { continue }
            kills += 1
            try walk.orchestrator.checkSentences()
            let shape = try Shape(walk)
            if shape != wanted {
                takenBack += 1
                guard shape == before, walk.orchestrator.outcomes.contains(where: { $0.key.hasSuffix("failed") }) else {
                    throw walk.violation("\(which), \(plan) killed: \(shape), wanted \(wanted)")
                }
            }
        }
        print("\(which): \(kills) kills, \(takenBack) of them led back to where it began")
        #expect(kills > 15 && takenBack * 4 < kills)
    }

    /// Every step of the agents, and everything that the others handle, until the run has ended.
    private static func plans(from start: Walk, to end: Walk) -> [WalkPlannedKill] {
        var plans: [WalkPlannedKill] = []
        for index in start.hosts.indices {
            for step in start.hosts[index].stepsTaken..<end.hosts[index].stepsTaken {
                plans.append(WalkPlannedKill(peer: .host(index), count: step))
            }
        }
        for (peer, places) in [
            (WalkPeer.vault, [WalkKill.afterStoring]), (.policy, [.beforeStoring, .afterStoring]),
            (.orchestrator, [.beforeStoring, .afterStoring]),
        ] {
            let first = start.handled[peer, default: 0]
            for count in first..<end.handled[peer, default: 0] {
                for place in places { plans.append(WalkPlannedKill(peer: peer, count: count + 1, place: place)) }
            }
        }
        // Not every one on every change; `BASCULE_KILLS=all` takes them all.
        let stride = ProcessInfo.processInfo.environment["BASCULE_KILLS"] == "all" ? 1 : max(1, plans.count / 24)
        return plans.indices.filter { $0 % stride == 0 }.map { plans[$0] }
    }
}
