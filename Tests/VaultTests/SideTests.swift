import Testing

@testable import Vault

/// What hosts are told of sides, what they tell themselves, and the alarm while both sides run a guest.
struct SideTests {
    @Test func everyReportIsAnsweredWithTheDutiesOfItsHost() throws {
        var fixture = try VaultFixture.protecting(in: .protected)
        var pair = VaultFixture.pair()
        pair.fenceAction = .disconnect
        try fixture.ask(.pairClouds(pair))
        let expected = { (isActive: Bool, active: String, generation: UInt64) in
            HostDuty(
                protection: fixture.protection.id, guestUUID: fixture.protection.guestUUID, generation: generation,
                isActive: isActive, fenceAction: .disconnect, activeHostName: active)
        }
        #expect(try fixture.report([]).answer == .duties([expected(true, "primary", 1)]))
        #expect(
            try fixture.report([], on: VaultFixture.secondary).answer == .duties([expected(false, "primary", 1)]))
        try fixture.step(.begin)
        try fixture.step(.activateTarget, cycle: 4)
        #expect(try fixture.report([]).answer == .duties([expected(false, "secondary", 2)]))
        try fixture.step(.reverse)
        #expect(
            try fixture.report([], on: VaultFixture.secondary).answer == .duties([expected(true, "secondary", 2)]))
        // A late report is a question, too.
        let late = InventoryReport(
            hostID: VaultFixture.primary, sequence: 1, capacity: VaultFixture.capacity(), guests: [])
        #expect(try fixture.ask(.reportInventory(late)).answer == .duties([expected(false, "secondary", 2)]))
        try fixture.ask(.unprotect(protection: "web", fate: .delete))
        #expect(try fixture.report([]).answer == .duties([]))
    }

    @Test(arguments: [
        ProtectionState.protected, .paused(resumingTo: .seeding), .resynchronizing, .failingOver, .reversing,
        .disabling(.keep),
    ])
    func replicaStartedWithoutTheVaultIsTakenOver(state: ProtectionState) throws {
        var fixture = try VaultFixture.protecting(in: state)
        let before = fixture.protection
        let target = before.targetHostID
        let name = target == VaultFixture.primary ? "primary" : "secondary"
        try fixture.report([], on: target, sides: [fixture.side(generation: before.generation + 1, cycle: 12)])
        let after = fixture.protection
        #expect(after.state == .commitPending && after.activeSide == .target && after.failoverCycle == 12)
        #expect(after.generation == before.generation + 1 && after.run == nil)
        #expect(after.stateReason == "started at \(name) without the vault")
        #expect(after.version > before.version)
        // The run that held it has lost it.
        #expect(fixture.refusal(of: VaultFixture.step(.retreat))?.code == .failedPrecondition)
    }

    /// Its agent was killed between taking the side and starting the guest, and reported in between.
    @Test func pointOfASideThatWasTakenBeforeItsGuestWasStartedIsNoted() throws {
        var fixture = try VaultFixture.protecting(in: .protected)
        let target = fixture.protection.targetHostID
        let generation = fixture.protection.generation + 1
        try fixture.report([], on: target, sides: [fixture.side(generation: generation, cycle: 0)])
        #expect(fixture.protection.state == .commitPending && fixture.protection.failoverCycle == 0)
        let before = fixture.protection
        try fixture.report([], on: before.sourceHostID, sides: [fixture.side(generation: generation, cycle: 11)])
        #expect(fixture.protection == before)
        try fixture.report([], on: target, sides: [fixture.side(generation: generation, cycle: 12)])
        #expect(fixture.protection.failoverCycle == 12 && fixture.protection.version > before.version)
        // What is known is changed by runs alone.
        try fixture.report([], on: target, sides: [fixture.side(generation: generation, cycle: 13)])
        #expect(fixture.protection.failoverCycle == 12)
    }

    @Test func sideThatIsNotNewerOrNotActiveOrNotItsChangesNothing() throws {
        var fixture = try VaultFixture.protecting(in: .commitPending)
        let before = fixture.protection
        let sides = [
            fixture.side(generation: 2, cycle: 9), fixture.side(generation: 1, cycle: 9),
            fixture.side(generation: 3, isActive: false, cycle: 9),
            SideReport(protection: VaultFixture.identifier(5), generation: 9, isActive: true, cycle: 1),
        ]
        try fixture.report([], on: VaultFixture.secondary, sides: sides)
        try fixture.ask(.registerHost(VaultFixture.registration(VaultFixture.identifier(6), "third")))
        try fixture.report([], on: VaultFixture.identifier(6), sides: [fixture.side(generation: 9, cycle: 9)])
        #expect(fixture.protection == before)
    }

    @Test func sourceWithANewerGenerationIsTheActiveSideAgain() throws {
        var fixture = try VaultFixture.protecting(in: .commitPending)
        try fixture.report([], sides: [fixture.side(generation: 3, cycle: 0)])
        #expect(fixture.protection.state == .protected && fixture.protection.activeSide == .source)
        #expect(fixture.protection.generation == 3 && fixture.protection.failoverCycle == 0)
    }

    /// A vault that was put back to before a failback, say: what it takes for the target runs the guest on its own disks.
    @Test func activeTargetWithoutAPointCanBeUnprotectedWithItsReplicaKept() throws {
        var fixture = try VaultFixture.protecting(in: .protected)
        try fixture.report([], on: VaultFixture.secondary, sides: [fixture.side(generation: 2, cycle: 0)])
        #expect(fixture.protection.state == .commitPending && fixture.protection.failoverCycle == 0)
        #expect(fixture.refusal(of: .unprotect(protection: "web", fate: .delete))?.code == .failedPrecondition)
        try fixture.ask(.unprotect(protection: "web", fate: .keep))
        #expect(fixture.protection.state == .disabling(.keep) && fixture.protection.activeSide == .target)
    }

    @Test func absurdGenerationIsRefusedBecauseItCouldNotRise() throws {
        var fixture = try VaultFixture.protecting(in: .protected)
        let report = InventoryReport(
            hostID: VaultFixture.secondary, sequence: 9, capacity: VaultFixture.capacity(), guests: [],
            sides: [fixture.side(generation: .max, cycle: 1)])
        #expect(fixture.refusal(of: .reportInventory(report))?.code == .invalidArgument)
    }

    @Test func alarmLastsWhileBothSidesRunTheGuest() throws {
        var fixture = try VaultFixture.protecting(in: .commitPending)
        let here = VaultFixture.guest("web")
        let there = VaultFixture.guest("web", on: VaultFixture.secondary)
        // The source's last word is older than the failover: no alarm from the target's report alone.
        try fixture.report([there], on: VaultFixture.secondary)
        #expect(fixture.protection.alarm.isEmpty)
        let raised = try fixture.report([here])
        #expect(
            fixture.protection.alarm
                == "Host secondary is active at generation 2, and host primary runs the guest all the same.")
        #expect(raised.audit.map(\.action) == ["both_sides"])
        #expect(try fixture.report([here]).changes.isEmpty)
        var off = here
        off.power = .shutOff
        try fixture.report([off])
        #expect(fixture.protection.alarm.isEmpty)
    }

    @Test func alarmFollowsTheActiveSideAndEndsWithSilence() throws {
        var fixture = try VaultFixture.protecting(in: .commitPending)
        try fixture.report([VaultFixture.guest("web", on: VaultFixture.secondary)], on: VaultFixture.secondary)
        try fixture.report([VaultFixture.guest("web")])
        try fixture.step(.cancel)
        #expect(
            fixture.protection.alarm
                == "Host primary is active at generation 3, and host secondary runs the guest all the same.")
        fixture.pass(milliseconds: VaultLimits.hostSilenceMilliseconds)
        _ = try fixture.silence()
        #expect(fixture.protection.alarm.isEmpty)
    }

    @Test func guestOfAProtectionIsNotProtectedAgainWhereverItRuns() throws {
        var fixture = try VaultFixture.protecting(in: .commitPending)
        try fixture.ask(.pairClouds(VaultFixture.pair("secondary-cloud", "primary-cloud", coverage: .wholeCloud)))
        let started = VaultFixture.guest("web", on: VaultFixture.secondary)
        var test = VaultFixture.guest("web-test", on: VaultFixture.secondary)
        test.findings = [
            GuestFinding(
                rule: "test-replica", subject: "web-test", message: "Guest web-test was started from a replica.",
                remedy: "Clean the test up.", isBlocking: true)
        ]
        try fixture.report([started, test], on: VaultFixture.secondary)
        #expect(fixture.registry.protections.count == 1)
        for name in ["web", "web-test"] {
            #expect(throws: VaultError.self) {
                try fixture.ask(.protect(VaultFixture.protect(name, sourceHost: "secondary")))
            }
        }
    }

    @Test func guestsNameComesFromTheActiveSide() throws {
        var fixture = try VaultFixture.protecting(in: .commitPending)
        var fenced = VaultFixture.guest("web")
        fenced.name = "old-web"
        try fixture.report([fenced])
        #expect(fixture.protection.guestName == "web")
        var started = VaultFixture.guest("web", on: VaultFixture.secondary)
        started.name = "www"
        try fixture.report([started], on: VaultFixture.secondary)
        #expect(fixture.protection.guestName == "www")
    }

    @Test func badMappingsAreRefused() throws {
        var fixture = try VaultFixture.paired()
        func expect(_ code: VaultError.Code, _ networks: [NetworkMapping]) {
            var pair = VaultFixture.pair()
            pair.networks = networks
            #expect(fixture.refusal(of: .pairClouds(pair))?.code == code)
        }
        let good = NetworkMapping(source: "default", target: "br0", testTarget: "")
        expect(.invalidArgument, [NetworkMapping(source: "", target: "br0", testTarget: "")])
        expect(.invalidArgument, [good, good])
        expect(.invalidArgument, [NetworkMapping(source: "a\nb", target: "br0", testTarget: "")])
        let long = String(repeating: "n", count: VaultLimits.maximumNetworkNameBytes + 1)
        expect(.invalidArgument, [NetworkMapping(source: "a", target: long, testTarget: "")])
        let many = (0...VaultLimits.maximumNetworksPerPair).map {
            NetworkMapping(source: "n\($0)", target: "", testTarget: "")
        }
        expect(.invalidArgument, many)
        var pair = VaultFixture.pair()
        pair.networks = [good]
        try fixture.ask(.pairClouds(pair))
        #expect(fixture.registry.pairs[pair.key]?.networks == [good])
    }
}

extension VaultFixture {
    fileprivate func side(generation: UInt64, isActive: Bool = true, cycle: UInt64) -> SideReport {
        SideReport(protection: protection.id, generation: generation, isActive: isActive, cycle: cycle)
    }
}
