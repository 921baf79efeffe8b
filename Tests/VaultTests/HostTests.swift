import Testing

@testable import Vault

struct HostTests {
    @Test func registrationMakesSiteAndCloudWhenAsked() throws {
        var fixture = VaultFixture()
        var registration = VaultFixture.registration(VaultFixture.primary, "primary")
        registration.createsMissing = false
        #expect(fixture.refusal(of: .registerHost(registration))?.code == .notFound)
        registration.createsMissing = true
        let decision = try fixture.ask(.registerHost(registration))
        #expect(decision.changes.map(\.kind) == ["site", "cloud", "host"])
        let host = try #require(fixture.registry.hosts[VaultFixture.primary])
        #expect(decision.answer == .host(host))
        #expect(host.contact == .reachable(lastSeen: fixture.moment.unixMilliseconds))
    }

    @Test func cloudOfAnotherSiteIsRefused() throws {
        var fixture = try VaultFixture.paired()
        let moved = VaultFixture.registration(
            VaultFixture.identifier(3), "third", cloud: "primary-cloud", site: "munich")
        #expect(fixture.refusal(of: .registerHost(moved))?.code == .failedPrecondition)
        var unnamed = moved
        unnamed.site = ""
        try fixture.ask(.registerHost(unnamed))
        unnamed.cloud = "new"
        #expect(fixture.refusal(of: .registerHost(unnamed))?.code == .invalidArgument)
    }

    @Test func nameOfAnotherHostIsRefused() throws {
        var fixture = try VaultFixture.paired()
        let double = VaultFixture.registration(VaultFixture.identifier(3), "primary")
        let error = fixture.refusal(of: .registerHost(double))
        #expect(error?.code == .alreadyExists)
        #expect(error?.facts["other_host"] == VaultFixture.primary.text)
        // The way out for an agent whose database was lost, to be typed as it stands but for the file.
        #expect(error?.remedy.contains("bascule-agent identity primary --config") == true)
    }

    @Test func anAgentWhoseHostAnotherTookOverIsRefused() throws {
        var fixture = try VaultFixture.paired()
        var registration = VaultFixture.registration(VaultFixture.primary, "primary")
        registration.incarnation = 2
        try fixture.ask(.registerHost(registration))
        #expect(fixture.registry.hosts[VaultFixture.primary]?.incarnation == 2)
        var report = InventoryReport(
            hostID: VaultFixture.primary, sequence: 1, capacity: VaultFixture.capacity(), guests: [], incarnation: 2)
        try fixture.ask(.reportInventory(report))
        let before = fixture.registry
        for old: UInt64 in [0, 1] {
            registration.incarnation = old
            report.incarnation = old
            report.sequence = 1 << 40
            for request in [RegistryRequest.registerHost(registration), .reportInventory(report)] {
                let error = fixture.refusal(of: request)
                #expect(error?.code == .staleGeneration && error?.message.contains("primary") == true)
                #expect(error?.remedy.contains("bascule-agent identity primary") == true)
            }
        }
        #expect(fixture.registry == before, "what was refused has changed nothing")
        // One that took it over, and reports before it registered.
        report.incarnation = 3
        #expect(fixture.refusal(of: .reportInventory(report))?.code == .notFound)
        registration.incarnation = 3
        try fixture.ask(.registerHost(registration))
        report.sequence = 1
        try fixture.ask(.reportInventory(report))
        report.incarnation = 2
        report.sequence = 2
        #expect(fixture.refusal(of: .reportInventory(report))?.code == .staleGeneration)
    }

    @Test func badTextsAreRefused() {
        var fixture = VaultFixture()
        let good = VaultFixture.registration(VaultFixture.primary, "primary")
        var cases: [HostRegistration] = []
        for endpoint in ["", "127.0.0.1:1", "http://a", "tcp://", "tcp://a\u{7}"] {
            var registration = good
            registration.controlEndpoint = endpoint
            cases.append(registration)
        }
        var registration = good
        registration.name = "two words"
        cases.append(registration)
        registration = good
        registration.incarnation = VaultLimits.maximumIncarnation + 1
        cases.append(registration)
        registration = good
        registration.agentVersion = String(repeating: "1", count: 65)
        cases.append(registration)
        for registration in cases {
            #expect(fixture.refusal(of: .registerHost(registration))?.code == .invalidArgument)
        }
    }

    @Test func hostInUseNeitherLeavesItsCloudNorGoes() throws {
        var fixture = try VaultFixture.protecting()
        for id in [VaultFixture.primary, VaultFixture.secondary] {
            let name = try #require(fixture.registry.hosts[id]?.name)
            let moved = VaultFixture.registration(id, name, cloud: "other")
            #expect(fixture.refusal(of: .registerHost(moved))?.facts["protections"] == "1")
            let error = fixture.refusal(of: .removeHost(id: id))
            #expect(error?.code == .failedPrecondition)
            #expect(error?.message.contains("web") == true)
        }
    }

    @Test func hostThatIsNotUsedGoesWithItsGuests() throws {
        var fixture = try VaultFixture.paired()
        try fixture.report([VaultFixture.guest("web"), VaultFixture.guest("db")])
        let decision = try fixture.ask(.removeHost(id: VaultFixture.primary))
        #expect(decision.changes.map(\.kind) == ["guest_removed", "guest_removed", "host_removed"])
        #expect(fixture.registry.guestCount == 0 && fixture.registry.guestBytes == 0)
        #expect(fixture.refusal(of: .removeHost(id: VaultFixture.primary))?.code == .notFound)
    }

    /// A site that burnt down: its host never lets go, and the guest has to be protected anew all the same.
    @Test func hostThatIsGoneForGoodLeavesWithTheLastProtectionThatIsBeingRemoved() throws {
        var fixture = try VaultFixture.protecting(in: .protected)
        fixture.pass(milliseconds: VaultLimits.hostSilenceMilliseconds)
        try fixture.report([], on: VaultFixture.secondary)
        _ = try fixture.silence()
        let needed = fixture.refusal(of: .removeHost(id: VaultFixture.primary))
        #expect(needed?.remedy.contains("removed without waiting") == true)
        try fixture.ask(.unprotect(protection: "web", fate: .keep))
        try fixture.report([VaultFixture.guest("web", on: VaultFixture.secondary)], on: VaultFixture.secondary)
        let waiting = fixture.refusal(of: .protect(VaultFixture.protect("web", sourceHost: "secondary")))
        #expect(waiting?.remedy.contains("bascule hosts remove primary") == true)
        #expect(fixture.refusal(of: .removeHost(id: VaultFixture.secondary))?.message.contains("reports") == true)

        let decision = try fixture.ask(.removeHost(id: VaultFixture.primary))
        #expect(decision.changes.map(\.kind) == ["guest_removed", "host"])
        #expect(fixture.registry.hosts[VaultFixture.primary]?.isLeaving == true)
        #expect(try fixture.ask(.removeHost(id: VaultFixture.primary)).changes.isEmpty)
        let end = try fixture.ask(.confirmUnprotected(protection: "web", expectedVersion: .any))
        #expect(end.changes.map(\.kind) == ["protection_removed", "host_removed"])
        #expect(fixture.registry.hosts.keys.sorted() == [VaultFixture.secondary])
    }

    @Test func leavingHostThatComesBackRegistersAndStays() throws {
        var fixture = try VaultFixture.protecting(in: .protected)
        try fixture.ask(.unprotect(protection: "web", fate: .delete))
        fixture.pass(milliseconds: VaultLimits.hostSilenceMilliseconds)
        _ = try fixture.silence()
        try fixture.ask(.removeHost(id: VaultFixture.primary))
        // It was cut off, not dead: the agent registers again when its report is answered so.
        let report = InventoryReport(
            hostID: VaultFixture.primary, sequence: 9, capacity: VaultFixture.capacity(), guests: [])
        #expect(fixture.refusal(of: .reportInventory(report))?.code == .notFound)
        try fixture.ask(.registerHost(VaultFixture.registration(VaultFixture.primary, "primary")))
        #expect(fixture.registry.hosts[VaultFixture.primary]?.isLeaving == false)
        let end = try fixture.ask(.confirmUnprotected(protection: "web", expectedVersion: .any))
        #expect(end.changes.map(\.kind) == ["protection_removed"])
    }

    @Test func silentHostIsUnreachableUntilItReports() throws {
        var fixture = try VaultFixture.paired()
        fixture.pass(milliseconds: VaultLimits.hostSilenceMilliseconds - 1)
        #expect(try fixture.silence().changes.isEmpty)
        try fixture.report([], on: VaultFixture.secondary)
        fixture.pass(milliseconds: 1)
        let decision = try fixture.silence()
        #expect(decision.changes.map(\.subject) == [VaultFixture.primary.text])
        #expect(decision.audit.map(\.action) == ["host_silence"])
        #expect(fixture.registry.hosts[VaultFixture.primary]?.contact.isReachable == false)
        #expect(try fixture.silence().changes.isEmpty)
        let back = try fixture.report([])
        #expect(back.changes.map(\.kind) == ["host"])
        #expect(fixture.registry.hosts[VaultFixture.primary]?.contact.isReachable == true)
    }

    @Test func restartGivesEveryHostTheFullTime() throws {
        let fixture = try VaultFixture.paired()
        let start = VaultMoment(unixMilliseconds: 5, uptimeMilliseconds: 1_000_000)
        let machine = VaultStateMachine(registry: fixture.registry, at: start)
        var later = start
        later.uptimeMilliseconds += VaultLimits.hostSilenceMilliseconds - 1
        #expect(machine.decideOnSilence(at: later).changes.isEmpty)
        later.uptimeMilliseconds += 1
        #expect(machine.decideOnSilence(at: later).changes.count == 2)
    }

    @Test func wallClockThatJumpsDecidesNothing() throws {
        var fixture = try VaultFixture.paired()
        fixture.moment.unixMilliseconds += 86_400_000
        #expect(try fixture.silence().changes.isEmpty)
    }
}
