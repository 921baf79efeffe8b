import DeltaLog
import Repeatable
import Replica
import Testing

/// Random lives of a replica, compared with what the guest's disks held. A failing seed is its own reproduction.
@Suite struct ReplicaPropertyTests {
    @Test(arguments: 0..<12 as Range<UInt64>)
    func everyListedPointIsWhatTheDisksHeld(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let fixture = try ReplicaFixture()
        fixture.intervalMilliseconds = Int64.random(in: 1_000...200_000, using: &random)
        fixture.guest.add("vda", blocks: 40)
        fixture.guest.write(4, using: &random)
        try fixture.cycle()
        for _ in 0..<45 {
            switch Int.random(in: 0..<20, using: &random) {
            case 0: try fixture.reopen()
            case 1: try fold(fixture, using: &random)
            case 2...3: try merge(fixture, using: &random)
            case 4: try retain(fixture, using: &random)
            case 5: try changeDisks(fixture, using: &random)
            case 6: try openAndAbort(fixture, using: &random)
            case 7: try fixture.cycle(kind: .full)
            default:
                fixture.guest.write(Int.random(in: 0...4, using: &random), using: &random)
                let kinds: [CycleKind] = [.incremental, .incremental, .compare]
                try fixture.cycle(
                    kind: kinds.randomElement(using: &random),
                    consistency: Bool.random(using: &random) ? .application : .crash)
            }
            if Int.random(in: 0..<9, using: &random) == 0 { try fixture.checkPoints() }
        }
        try fixture.checkPoints()
        try fixture.reopen()
        try fixture.checkPoints()
        #expect(try fixture.replica.scrub().faultCount == 0)
    }

    private func fold(_ fixture: ReplicaFixture, using random: inout SeededRandom) throws {
        guard let point = fixture.replica.points().randomElement(using: &random) else { return }
        try fixture.replica.fold(upTo: point.cycle)
    }

    private func merge(_ fixture: ReplicaFixture, using random: inout SeededRandom) throws {
        let cycles = fixture.replica.points().filter { $0.storedBytes > 0 }.map(\.cycle)
        guard cycles.count > 1 else { return }
        let first = Int.random(in: 0..<cycles.count - 1, using: &random)
        let last = Int.random(in: first + 1..<cycles.count, using: &random)
        do {
            try fixture.replica.merge(Array(cycles[first...last]))
        } catch let error as ReplicaError where error.code == .invalidArgument {
            // The disks changed within the run.
            #expect(fixture.replica.points().map(\.cycle).suffix(cycles.count) == cycles[...])
        }
    }

    private func retain(_ fixture: ReplicaFixture, using random: inout SeededRandom) throws {
        let retention = Retention(
            everyCycleSeconds: .random(in: 0...3_000, using: &random),
            hourlySeconds: .random(in: 0...8_000, using: &random),
            dailySeconds: .random(in: 0...100_000, using: &random))
        _ = try fixture.replica.maintain(retention, nowUnixMilliseconds: .max)
    }

    private func changeDisks(_ fixture: ReplicaFixture, using random: inout SeededRandom) throws {
        let count = fixture.guest.disks.count
        switch Int.random(in: 0..<3, using: &random) {
        case 0 where count < 4:
            let target = ["vda", "vdb", "vdc", "sda"].first { name in
                !fixture.guest.disks.contains { $0.target == name }
            }
            fixture.guest.add(target ?? "vdd", blocks: .random(in: 1...50, using: &random))
        case 1 where count > 1:
            fixture.guest.remove(fixture.guest.disks[Int.random(in: 0..<count, using: &random)].target)
        default:
            fixture.guest.resize(
                Int.random(in: 0..<count, using: &random), bytes: 512 * .random(in: 1...480, using: &random))
        }
        fixture.guest.write(2, using: &random)
        try fixture.cycle(kind: Bool.random(using: &random) ? .compare : .full)
    }

    private func openAndAbort(_ fixture: ReplicaFixture, using random: inout SeededRandom) throws {
        fixture.guest.write(2, using: &random)
        let open = try fixture.replica.openCycle(fixture.opening(fixture.newest + 1, kind: .incremental))
        try fixture.send(open, kind: .incremental)
        if Bool.random(using: &random) {
            try fixture.replica.abort(cycle: open.cycle, generation: 1)
        } else {
            try fixture.reopen()
        }
        try fixture.cycle(fixture.newest + 2)
    }
}
