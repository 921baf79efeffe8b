import Repeatable
import Testing

@testable import Vault

/// A random walk over the states of one protection and its two hosts: thousands of commands, in any order, from runs,
/// operators, services and agents that miss messages. Each seed is a walk that can be repeated.
struct ProtectionWalkTests {
    @Test func invariantsHoldOnEveryWalkAndWalksReachEveryState() throws {
        var reached: Set<String> = []
        var (done, refused) = (0, 0)
        for seed in UInt64(1)...24 {
            var walk = try ProtectionWalk(seed: seed)
            for _ in 0..<1_000 { try walk.step() }
            reached.formUnion(walk.reached)
            done += walk.done
            refused += walk.refused
        }
        // Walks that are always refused, or that come only to some states, prove little.
        #expect(done > 2_400 && refused > 2_400)
        let expected = Set(FailoverStanding.all.map { "\($0.state.row) \($0.activeSide)" })
        #expect(expected.subtracting(reached).isEmpty, "\(expected.subtracting(reached))")
    }
}

/// The vault's machine, two agents that remember their side, and everything that can be asked of them.
private struct ProtectionWalk {
    /// What an agent holds of the protection, across everything that it missed.
    struct Side {
        var generation: UInt64 = 1
        var isActive: Bool
        var runsGuest: Bool
    }

    let seed: UInt64
    private var fixture: VaultFixture
    private var generator: SeededRandom
    private var sides: [RegistryIdentifier: Side] = [:]
    private(set) var done = 0
    private(set) var refused = 0
    private(set) var reached: Set<String> = []

    init(seed: UInt64) throws {
        self.seed = seed
        generator = SeededRandom(seed: seed)
        fixture = try VaultFixture.protecting()
        begin()
    }

    private mutating func begin() {
        sides = [
            VaultFixture.primary: Side(isActive: true, runsGuest: true),
            VaultFixture.secondary: Side(isActive: false, runsGuest: false),
        ]
    }

    mutating func step() throws {
        let before = fixture.protection
        switch UInt32.random(in: 0..<10, using: &generator) {
        case 0...3: attempt(advance())
        case 4...5: attempt(change())
        case 6: attempt(removal())
        case 7...8: try report()
        default: recover()
        }
        try check(since: before)
        if case .disabling = fixture.protection.state, Bool.random(using: &generator) { try protectAnew() }
    }

    // MARK: Commands

    private mutating func attempt(_ request: RegistryRequest) {
        do {
            try fixture.ask(request)
            done += 1
        } catch let error as VaultError {
            refused += 1
            #expect(error.message.hasSuffix(".") && !error.remedy.isEmpty, "\(request)")
        } catch {
            Issue.record(error)
        }
    }

    private mutating func advance() -> RegistryRequest {
        let runs = [VaultFixture.run, VaultFixture.otherRun]
        let run = fixture.protection.run ?? runs.randomElement(using: &generator)
        let step = FailoverStep.allCases.randomElement(using: &generator) ?? .begin
        let versions: [ExpectedVersion] = [
            .any, .exactly(fixture.protection.version), .exactly(fixture.protection.version - 1),
        ]
        return VaultFixture.step(
            step, cycle: UInt64.random(in: 0...3, using: &generator),
            run: Bool.random(using: &generator) ? runs[0] : run ?? runs[1],
            version: versions.randomElement(using: &generator) ?? .any)
    }

    private mutating func change() -> RegistryRequest {
        VaultFixture.change(to: RequestedState.allCases.randomElement(using: &generator) ?? .protected)
    }

    private mutating func removal() -> RegistryRequest {
        // Rarely, because it ends the story.
        guard UInt32.random(in: 0..<8, using: &generator) == 0 else { return change() }
        return .unprotect(protection: "web", fate: Bool.random(using: &generator) ? .keep : .delete)
    }

    /// One host reports; the answer may be lost.
    private mutating func report() throws {
        let host = Bool.random(using: &generator) ? VaultFixture.primary : VaultFixture.secondary
        guard var side = sides[host] else { return }
        side.runsGuest = side.isActive || Bool.random(using: &generator)
        sides[host] = side
        let guests = side.runsGuest ? [VaultFixture.guest("web", on: host)] : []
        let told = SideReport(
            protection: fixture.protection.id, generation: side.generation, isActive: side.isActive,
            cycle: host == fixture.protection.targetHostID ? 5 : 0)
        let decision = try fixture.report(guests, on: host, sides: [told])
        guard case .duties(let duties) = decision.answer else {
            Issue.record("no duties were answered")
            return
        }
        guard Bool.random(using: &generator) else { return }
        for duty in duties where duty.generation >= side.generation {
            sides[host]?.generation = duty.generation
            sides[host]?.isActive = duty.isActive
        }
    }

    /// The passive side starts its replica by itself, knowing nothing newer.
    private mutating func recover() {
        guard UInt32.random(in: 0..<12, using: &generator) == 0 else { return }
        let host = Bool.random(using: &generator) ? VaultFixture.primary : VaultFixture.secondary
        guard let side = sides[host], !side.isActive else { return }
        sides[host]?.generation = side.generation + 1
        sides[host]?.isActive = true
    }

    private mutating func protectAnew() throws {
        try fixture.ask(.confirmUnprotected(protection: "web", expectedVersion: .any))
        try fixture.report([], on: VaultFixture.secondary)
        try fixture.report([VaultFixture.guest("web")])
        try fixture.ask(.protect(VaultFixture.protect("web")))
        begin()
    }

    // MARK: What must always hold

    private mutating func check(since before: Protection) throws {
        let now = fixture.protection
        reached.insert("\(now.state.row) \(now.activeSide)")
        #expect(now.generation >= before.generation && now.version >= before.version, "seed \(seed)")
        #expect(now == before || now.version > before.version, "seed \(seed)")
        if now.activeHostID != before.activeHostID {
            #expect(now.generation > before.generation, "seed \(seed)")
        }
        let active = sides.filter(\.value.isActive)
        let generations = active.map(\.value.generation)
        #expect(
            Set(generations).count == generations.count,
            "seed \(seed): two hosts are active at one generation: \(sides)")
        for (host, side) in active where side.generation == now.generation && now.state.isBetweenNoSides {
            #expect(host == now.activeHostID, "seed \(seed): \(host) is active at the vault's generation")
        }
        if !now.alarm.isEmpty {
            #expect(BothSides(of: now, in: fixture.registry)?.sentence == now.alarm, "seed \(seed)")
        }
        // What is stored is read back with these checks, too.
        try fixture.registry.checkInvariants()
    }
}

extension ProtectionState {
    /// Duties are told.
    fileprivate var isBetweenNoSides: Bool {
        switch self {
        case .disabling: false
        case .enabling, .seeding, .protected, .paused, .resynchronizing, .failingOver, .commitPending, .committed,
            .reversing:
            true
        }
    }
}
