import Testing

@testable import Vault

struct ProtectTests {
    @Test func guestIsProtectedOnTheOnlyHostOfTheOnlyPair() throws {
        var fixture = try VaultFixture.paired()
        try fixture.report([VaultFixture.guest("web")])
        let decision = try fixture.ask(.protect(VaultFixture.protect("web", policyOverride: "silver")))
        let protection = fixture.protection
        #expect(decision.changes == [.protection(protection)])
        #expect(decision.answer == .protection(protection))
        #expect(protection.sourceHostID == VaultFixture.primary && protection.targetHostID == VaultFixture.secondary)
        #expect(protection.state == .enabling && protection.direction == .forward)
        #expect(protection.generation == 1 && protection.version == 1)
        #expect(protection.policyOverride == "silver" && protection.pair == VaultFixture.pair().key)
    }

    @Test func guestIsFoundByUUIDInEitherCase() throws {
        var fixture = try VaultFixture.paired()
        let web = VaultFixture.guest("web")
        try fixture.report([web])
        try fixture.ask(.protect(VaultFixture.protect(web.key.uuid.text.uppercased())))
        #expect(fixture.protection.guestName == "web")
    }

    @Test func unknownGuestIsRefused() throws {
        var fixture = try VaultFixture.paired()
        let error = fixture.refusal(of: .protect(VaultFixture.protect("web")))
        #expect(error?.code == .notFound)
        #expect(error?.message == "There is no guest “web”.")
        #expect(fixture.refusal(of: .protect(VaultFixture.protect("web", sourceHost: "nobody")))?.code == .notFound)
    }

    @Test func guestOnSeveralHostsNeedsItsHostNamed() throws {
        var fixture = try VaultFixture.paired()
        try fixture.ask(
            .registerHost(
                VaultFixture.registration(VaultFixture.identifier(3), "third", cloud: "primary-cloud", site: "primary"))
        )
        try fixture.report([VaultFixture.guest("web")])
        try fixture.report([VaultFixture.guest("web", on: VaultFixture.identifier(3))], on: VaultFixture.identifier(3))
        let error = fixture.refusal(of: .protect(VaultFixture.protect("web")))
        #expect(error?.code == .failedPrecondition)
        #expect(error?.facts["hosts"] == "primary,third")
        let cloud = try fixture.ask(.protectCloud(sourceCloud: "primary-cloud", targetCloud: nil))
        guard case .cloudProtected(let result) = cloud.answer else { throw TestFailure("another answer") }
        #expect(result.refused.map(\.error.code) == [.failedPrecondition, .failedPrecondition])
        try fixture.ask(.protect(VaultFixture.protect("web", sourceHost: "third")))
        #expect(fixture.protection.sourceHostID == VaultFixture.identifier(3))
    }

    @Test func protectedGuestIsNotProtectedTwice() throws {
        var fixture = try VaultFixture.protecting()
        let error = fixture.refusal(of: .protect(VaultFixture.protect("web")))
        #expect(error?.code == .alreadyExists)
        #expect(error?.facts["protection"] == fixture.protection.id.text)
        try fixture.ask(.unprotect(protection: "web", fate: .delete))
        let removing = fixture.refusal(of: .protect(VaultFixture.protect("web")))
        #expect(removing?.message == "Guest web is still being unprotected.")
    }

    @Test func rawDiskIsRefusedAtOnceInTheFindingsWords() throws {
        var fixture = try VaultFixture.paired()
        try fixture.report([VaultFixture.guest("web", findings: [VaultFixture.rawDisk])])
        let error = fixture.refusal(of: .protect(VaultFixture.protect("web")))
        #expect(error?.code == .failedPrecondition)
        #expect(error?.message == VaultFixture.rawDisk.message)
        #expect(error?.remedy == VaultFixture.rawDisk.remedy)
        #expect(error?.facts["rule"] == "raw-disk" && error?.facts["subject"] == "vda")
    }

    @Test func findingThatDoesNotBlockIsNoObstacle() throws {
        var fixture = try VaultFixture.paired()
        var finding = VaultFixture.rawDisk
        finding.isBlocking = false
        try fixture.report([VaultFixture.guest("web", findings: [finding])])
        try fixture.ask(.protect(VaultFixture.protect("web")))
    }

    @Test func guestWithoutDiskIsRefused() throws {
        var fixture = try VaultFixture.paired()
        var guest = VaultFixture.guest("web")
        guest.disks = []
        try fixture.report([guest])
        #expect(fixture.refusal(of: .protect(VaultFixture.protect("web")))?.code == .failedPrecondition)
    }

    @Test func unpairedCloudIsRefusedAndSeveralPairsNeedOneNamed() throws {
        var fixture = try VaultFixture.paired()
        try fixture.report([VaultFixture.guest("web")])
        try fixture.ask(.unpairClouds(VaultFixture.pair().key))
        let none = fixture.refusal(of: .protect(VaultFixture.protect("web")))
        #expect(none?.message == "Cloud primary-cloud is not paired with any other.")
        try fixture.ask(.registerHost(VaultFixture.registration(VaultFixture.identifier(3), "third")))
        try fixture.ask(.pairClouds(VaultFixture.pair()))
        try fixture.ask(.pairClouds(VaultFixture.pair("primary-cloud", "third-cloud")))
        #expect(fixture.refusal(of: .protect(VaultFixture.protect("web")))?.code == .failedPrecondition)
        let unpaired = VaultFixture.protect("web", targetCloud: "nowhere")
        #expect(fixture.refusal(of: .protect(unpaired))?.code == .failedPrecondition)
        try fixture.ask(.protect(VaultFixture.protect("web", targetHost: "third")))
        #expect(fixture.protection.pair.targetCloud == "third-cloud")
    }

    @Test func namedTargetMustBeAnotherHostThatCanKeepIt() throws {
        var fixture = try VaultFixture.paired()
        try fixture.report([VaultFixture.guest("web")])
        func code(_ host: String, cloud: String? = nil) -> VaultError.Code? {
            fixture.refusal(of: .protect(VaultFixture.protect("web", targetCloud: cloud, targetHost: host)))?.code
        }
        #expect(code("primary") == .invalidArgument)
        #expect(code("nobody") == .notFound)
        #expect(code("secondary", cloud: "primary-cloud") == .failedPrecondition)
        try fixture.report(
            [], on: VaultFixture.secondary,
            capacity: VaultFixture.capacity(replicaFreeBytes: VaultLimits.minimumReplicaFreeBytes - 1))
        #expect(code("secondary") == .resourceExhausted)
        try fixture.report([], on: VaultFixture.secondary, capacity: .unknown)
        #expect(code("secondary") == .failedPrecondition)
        try fixture.report([VaultFixture.guest("web", on: VaultFixture.secondary)], on: VaultFixture.secondary)
        let twice = VaultFixture.protect("web", sourceHost: "primary", targetHost: "secondary")
        #expect(fixture.refusal(of: .protect(twice))?.code == .failedPrecondition)
    }

    @Test func unreachableHostsAreRefused() throws {
        var fixture = try VaultFixture.paired()
        try fixture.report([VaultFixture.guest("web")])
        fixture.pass(milliseconds: 10_000)
        try fixture.report([VaultFixture.guest("web")])
        fixture.pass(milliseconds: 5_000)
        _ = try fixture.silence()
        let target = fixture.refusal(of: .protect(VaultFixture.protect("web")))
        #expect(target?.code == .unavailable)
        #expect(target?.message.contains("secondary") == true)
        try fixture.report([], on: VaultFixture.secondary)
        fixture.pass(milliseconds: 10_000)
        _ = try fixture.silence()
        try fixture.report([], on: VaultFixture.secondary)
        let source = fixture.refusal(of: .protect(VaultFixture.protect("web")))
        #expect(source?.message == "Host primary, which runs guest web, does not report.")
    }

    @Test func overrideIsSetAndTakenBack() throws {
        var fixture = try VaultFixture.protecting(in: .protected)
        let version = fixture.protection.version
        func override(_ policy: String, _ version: ExpectedVersion = .any) -> RegistryRequest {
            .setPolicyOverride(protection: "web", expectedVersion: version, policy: policy)
        }
        try fixture.ask(override("silver", .exactly(version)))
        #expect(fixture.protection.policyOverride == "silver" && fixture.protection.version == version + 1)
        #expect(fixture.refusal(of: override("gold", .exactly(version)))?.code == .conflict)
        #expect(fixture.refusal(of: override("no good"))?.code == .invalidArgument)
        #expect(try fixture.ask(override("silver")).changes.isEmpty)
        try fixture.ask(override(""))
        #expect(fixture.protection.policyOverride == "")
        try fixture.ask(.unprotect(protection: "web", fate: .keep))
        #expect(fixture.refusal(of: override("gold"))?.code == .failedPrecondition)
    }

    @Test func unprotectIsConfirmedOnceAndOnlyWhenAskedFor() throws {
        var fixture = try VaultFixture.protecting(in: .protected)
        let confirm = RegistryRequest.confirmUnprotected(protection: "web", expectedVersion: .any)
        #expect(fixture.refusal(of: confirm)?.code == .failedPrecondition)
        try fixture.ask(.unprotect(protection: "web", fate: .keep))
        let protection = fixture.protection
        #expect(protection.state == .disabling(.keep))
        #expect(try fixture.ask(.unprotect(protection: "web", fate: .keep)).changes.isEmpty)
        #expect(fixture.refusal(of: .unprotect(protection: "web", fate: .delete))?.code == .failedPrecondition)
        let stale = RegistryRequest.confirmUnprotected(protection: "web", expectedVersion: .exactly(1))
        #expect(fixture.refusal(of: stale)?.code == .conflict)
        #expect(try fixture.ask(confirm).changes == [.protectionRemoved(protection.id)])
        #expect(fixture.refusal(of: confirm)?.code == .notFound)
    }

    @Test func ambiguousNameNeedsAnIdentifier() throws {
        var fixture = try VaultFixture.paired()
        var other = VaultFixture.guest("db")
        other.name = "web"
        try fixture.report([VaultFixture.guest("web"), other])
        try fixture.ask(.protectCloud(sourceCloud: "primary-cloud", targetCloud: nil))
        #expect(fixture.refusal(of: .unprotect(protection: "web", fate: .delete))?.code == .failedPrecondition)
        #expect(fixture.refusal(of: .unprotect(protection: "nobody", fate: .delete))?.code == .notFound)
        try fixture.ask(.unprotect(protection: fixture.protection.id.text, fate: .delete))
        try fixture.ask(.unprotect(protection: other.key.uuid.text, fate: .delete))
    }
}

struct TestFailure: Error {
    var message: String

    init(_ message: String) { self.message = message }
}
