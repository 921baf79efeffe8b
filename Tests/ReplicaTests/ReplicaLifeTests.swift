import DeltaLog
import FoundationEssentials
import Glibc
import Repeatable
import Testing

@testable import Replica

/// Random lives of a replica from side to side: upon disks that were adopted or its own, with guests that run from it,
/// points that are settled on, and overlays that are taken in. A failing seed is its own reproduction.
@Suite(.enabled(if: GuestImages.missing.isEmpty))
struct ReplicaLifeTests {
    private struct Life {
        var fixture: ReplicaFixture
        var random: SeededRandom
        /// The guest as it was at each point.
        var guests: [UInt64: GuestModel] = [:]
        var counts: [String: Int] = [:]
        /// The highest number ever used: none is used twice.
        var highest: UInt64 = 7

        mutating func count(_ what: String) { counts[what, default: 0] += 1 }
    }

    @Test(arguments: 0..<6 as Range<UInt64>)
    func everyListedPointIsWhatTheDisksHeld(seed: UInt64) throws {
        var life = try begin(seed)
        for _ in 0..<40 {
            switch Int.random(in: 0..<16, using: &life.random) {
            case 0: try life.fixture.reopen()
            case 1, 2: try fold(&life)
            case 3, 4: try settle(&life)
            case 5, 6: try run(&life)
            default: try cycle(&life)
            }
            if Int.random(in: 0..<6, using: &life.random) == 0 { try life.fixture.checkPoints() }
        }
        try life.fixture.checkPoints()
        try life.fixture.reopen()
        try life.fixture.checkPoints()
        #expect(try life.fixture.replica.scrub().faultCount == 0)
        for what in ["settled", "ran", "taken in"] {
            #expect(life.counts[what, default: 0] > 0, "seed \(seed) never \(what): it says nothing about it")
        }
    }

    private func begin(_ seed: UInt64) throws -> Life {
        var random = SeededRandom(seed: seed)
        var guest = GuestModel()
        guest.add("vda", blocks: 40)
        guest.add("vdb", blocks: 10)
        guest.write(6, using: &random)
        let styles: [GuestImages.Style?] = [nil, .raw, .chainWithBitmaps, .smallClustersWithSnapshot]
        guard let style = styles[Int(seed) % styles.count] else {
            let fixture = try ReplicaFixture()
            fixture.guest = guest
            try fixture.cycle(7)
            return Life(fixture: fixture, random: random, guests: [7: fixture.guest])
        }
        let fixture = try ReplicaFixture(adopting: guest, in: style, isDiverged: seed >= 4)
        var life = Life(fixture: fixture, random: random)
        if seed >= 4 { try compare(&life) } else { life.guests[7] = fixture.guest }
        return life
    }

    private func next(_ life: inout Life) -> UInt64 {
        life.highest += .random(in: 1...3, using: &life.random)
        return life.highest
    }

    private func cycle(_ life: inout Life) throws {
        life.fixture.guest.write(.random(in: 0...4, using: &life.random), using: &life.random)
        let kinds: [CycleKind] = [.incremental, .incremental, .incremental, .compare, .full]
        let number = next(&life)
        try life.fixture.cycle(number, kind: kinds.randomElement(using: &life.random))
        life.guests[number] = life.fixture.guest
    }

    /// Upon disks that diverged: an incremental cycle is refused, a comparing one makes the next point.
    private func compare(_ life: inout Life) throws {
        #expect(life.fixture.replica.points().isEmpty)
        let number = next(&life)
        let error = #expect(throws: ReplicaError.self) {
            try life.fixture.replica.openCycle(life.fixture.opening(number, kind: .incremental))
        }
        #expect(error?.code == .wrongParent)
        life.fixture.guest.write(3, using: &life.random)
        try life.fixture.cycle(number, kind: .compare)
        life.guests[number] = life.fixture.guest
    }

    private func fold(_ life: inout Life) throws {
        guard let point = life.fixture.replica.points().randomElement(using: &life.random) else { return }
        try life.fixture.replica.fold(upTo: point.cycle)
        try life.fixture.checkPoints()
    }

    /// Later points go, and the guest goes on from this one.
    private func settle(_ life: inout Life) throws {
        guard let cycle = life.fixture.replica.points().randomElement(using: &life.random)?.cycle,
            let guest = life.guests[cycle]
        else { return }
        try life.fixture.replica.settle(on: cycle)
        life.fixture.returnToPoint(cycle, guest: guest)
        #expect(life.fixture.replica.points().map(\.cycle) == [cycle])
        life.count("settled")
    }

    // MARK: A guest that runs from it

    private func run(_ life: inout Life) throws {
        guard let cycle = life.fixture.replica.points().randomElement(using: &life.random)?.cycle,
            let guest = life.guests[cycle]
        else { return }
        try life.fixture.replica.markRunning(from: cycle)
        if Bool.random(using: &life.random) { try life.fixture.reopen() }
        #expect(life.fixture.replica.runningCycle == cycle)
        try expectLeftAlone(life, from: cycle)
        try life.fixture.checkPoints()
        life.count("ran")
        guard Bool.random(using: &life.random) else {
            // Stopped: what it wrote is of no interest.
            try life.fixture.replica.stopRunning()
            try life.fixture.checkPoints()
            return
        }
        try life.fixture.replica.settle(on: cycle)
        life.fixture.returnToPoint(cycle, guest: guest)
        try life.fixture.checkPoints()
        try takeIn(&life, from: cycle)
    }

    /// No cycle, and no fold but to exactly the point, while a guest runs from it.
    private func expectLeftAlone(_ life: Life, from cycle: UInt64) throws {
        let error = #expect(throws: ReplicaError.self) {
            try life.fixture.replica.openCycle(life.fixture.opening(life.highest + 1, kind: .incremental))
        }
        #expect(error?.code == .inUse)
        let base = try life.fixture.replica.describe().baseCycle
        for other in life.fixture.replica.points().map(\.cycle) where other != cycle {
            // To what the base holds already there is nothing to fold.
            if other != base { #expect(throws: ReplicaError.self) { try life.fixture.replica.fold(upTo: other) } }
            #expect(throws: ReplicaError.self) { try life.fixture.replica.settle(on: other) }
            #expect(throws: ReplicaError.self) { try life.fixture.replica.markRunning(from: other) }
        }
    }

    private func takeIn(_ life: inout Life, from cycle: UInt64) throws {
        life.fixture.guest.write(5, using: &life.random)
        let overlays = try life.fixture.overlays()
        let isDiverged = Bool.random(using: &life.random)
        let number = isDiverged && Bool.random(using: &life.random) ? cycle : next(&life)
        let point = ReplicaFixture.adoptedPoint(life.fixture.guest, cycle: number)
        for _ in 0..<2 {
            // Twice, as after a lost answer.
            try life.fixture.replica.absorb(
                overlays: overlays, point: isDiverged ? .diverged(point) : .exact(point),
                guest: ReplicaFixture.configuration(number))
        }
        if Bool.random(using: &life.random) { try life.fixture.reopen() }
        life.count("taken in")
        life.fixture.noteCommitted(number)
        if isDiverged {
            life.fixture.forgetPoints()
            try compare(&life)
        } else {
            life.guests[number] = life.fixture.guest
            try life.fixture.checkPoints()
        }
    }
}
