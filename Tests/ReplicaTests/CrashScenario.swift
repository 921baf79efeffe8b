import DeltaLog
import Repeatable
import Replica
import Testing

/// Something that changes a replica durably, and what must be listed when it is cut off before or after the moment that
/// publishes it.
struct CrashScenario: Sendable, CustomTestStringConvertible {
    let name: String
    /// Cycles that the prepared replica lists.
    let before: [UInt64]
    /// Cycles listed once it is published.
    let after: [UInt64]
    /// From this failpoint on it is published.
    let published: Failpoint
    /// Failpoints that the action must pass; a scenario that passes fewer has lost its meaning.
    let passes: Set<Failpoint>
    let act: @Sendable (ReplicaFixture) throws -> Void

    var testDescription: String { name }

    /// Two disks, five cycles, the same every time.
    static func prepare(_ fixture: ReplicaFixture) throws {
        fixture.guest.add("vda", blocks: 40)
        fixture.guest.add("vdb", blocks: 8)
        var random = SeededRandom(seed: 11)
        for _ in 0..<5 {
            fixture.guest.write(5, using: &random)
            try fixture.cycle()
        }
    }

    /// What the guest writes between the fifth cycle and the sixth.
    static func writeMore(_ fixture: ReplicaFixture) {
        fixture.guest.fill(0, blocks: 2..<9, with: 66)
        fixture.guest.fill(1, blocks: 1..<3, with: 0)
    }

    static let all = [
        CrashScenario(
            name: "commit", before: [1, 2, 3, 4, 5], after: [1, 2, 3, 4, 5, 6], published: .commitRenamed,
            passes: [.cycleOpened, .commitFinished, .commitRenamed, .commitSynced]
        ) { fixture in
            writeMore(fixture)
            try fixture.cycle()
        },
        CrashScenario(
            name: "abort", before: [1, 2, 3, 4, 5], after: [1, 2, 3, 4, 5], published: .abortStarted,
            passes: [.cycleOpened, .abortStarted]
        ) { fixture in
            writeMore(fixture)
            let open = try fixture.replica.openCycle(fixture.opening(6, kind: .incremental))
            try fixture.send(open, kind: .incremental)
            try fixture.replica.abort(cycle: 6, generation: 1)
        },
        CrashScenario(
            name: "generation", before: [1, 2, 3, 4, 5], after: [1, 2, 3, 4, 5], published: .manifestRenamed,
            passes: [.manifestWritten, .manifestRenamed]
        ) { fixture in
            try fixture.replica.admit(generation: 2)
        },
        CrashScenario(
            name: "verify", before: [1, 2, 3, 4, 5], after: [1, 2, 3, 4, 5], published: .verifiedRenamed,
            passes: [.verifiedWritten, .verifiedRenamed]
        ) { fixture in
            try fixture.replica.markVerified(3, by: .guestAgent, unixMilliseconds: 1)
        },
        CrashScenario(
            name: "fold", before: [1, 2, 3, 4, 5], after: [3, 4, 5], published: .manifestRenamed,
            passes: [
                .manifestWritten, .manifestRenamed, .foldStarted, .foldDiskWritten, .foldWritten, .foldSynced,
                .foldSettled, .leftoverRemoved,
            ]
        ) { fixture in
            try fixture.replica.fold(upTo: 3)
        },
        CrashScenario(
            name: "merge", before: [1, 2, 3, 4, 5], after: [1, 4, 5], published: .mergeRenamed,
            passes: [.mergeWritten, .mergeRenamed, .mergeSynced, .leftoverRemoved]
        ) { fixture in
            try fixture.replica.merge([2, 3, 4])
        },
    ]
}
