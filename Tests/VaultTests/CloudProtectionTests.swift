import Testing

@testable import Vault

struct CloudProtectionTests {
    static func result(of decision: VaultDecision) throws -> CloudProtectionResult {
        guard case .cloudProtected(let result) = decision.answer else { throw TestFailure("another answer") }
        return result
    }

    @Test func everyGuestIsCreatedRefusedOrAlreadyThere() throws {
        var fixture = try VaultFixture.protecting()
        try fixture.report([
            VaultFixture.guest("web"), VaultFixture.guest("db"),
            VaultFixture.guest("old", findings: [VaultFixture.rawDisk]),
        ])
        let result = try Self.result(of: fixture.ask(.protectCloud(sourceCloud: "primary-cloud", targetCloud: nil)))
        #expect(result.created.map(\.guestName) == ["db"])
        #expect(result.refused.map(\.guest) == ["old"])
        #expect(result.refused.first?.error.message == VaultFixture.rawDisk.message)
        #expect(result.already == ["web"])
        #expect(fixture.registry.pairs[VaultFixture.pair().key]?.coverage == .presentGuests)
    }

    @Test func cloudMustExistAndBePaired() throws {
        var fixture = try VaultFixture.paired()
        func code(_ source: String, _ target: String? = nil) -> VaultError.Code? {
            fixture.refusal(of: .protectCloud(sourceCloud: source, targetCloud: target))?.code
        }
        #expect(code("nowhere") == .notFound)
        #expect(code("secondary-cloud") == .failedPrecondition)
        #expect(code("primary-cloud", "nowhere") == .failedPrecondition)
    }

    @Test func laterGuestsAreProtectedByThemselvesWhenThePairSaysSo() throws {
        var fixture = try VaultFixture.paired()
        try fixture.ask(.pairClouds(VaultFixture.pair(coverage: .namedThenAutomatic)))
        #expect(try fixture.report([VaultFixture.guest("early")]).changes.map(\.kind) == ["guest"])
        try fixture.ask(.protectCloud(sourceCloud: "primary-cloud", targetCloud: nil))
        let decision = try fixture.report([VaultFixture.guest("early"), VaultFixture.guest("web")])
        #expect(decision.changes.map(\.kind) == ["guest", "protection"])
        #expect(decision.audit.map(\.action) == ["auto_protect"])
        #expect(fixture.protection.state == .enabling)
    }

    @Test func laterGuestsAreOnlyListedOtherwise() throws {
        var fixture = try VaultFixture.paired()
        try fixture.ask(.protectCloud(sourceCloud: "primary-cloud", targetCloud: nil))
        #expect(try fixture.report([VaultFixture.guest("web")]).changes.map(\.kind) == ["guest"])
        #expect(fixture.registry.protections.isEmpty)
    }

    @Test func obstacleIsAuditedOnceAndRemovedObstacleProtects() throws {
        var fixture = try VaultFixture.paired()
        try fixture.ask(.pairClouds(VaultFixture.pair(coverage: .wholeCloud)))
        let raw = VaultFixture.guest("web", findings: [VaultFixture.rawDisk])
        #expect(try fixture.report([raw]).audit.map(\.outcome) == [VaultFixture.rawDisk.message])
        #expect(try fixture.report([raw]).audit.isEmpty)
        #expect(try fixture.report([VaultFixture.guest("web")]).changes.map(\.kind) == ["guest", "protection"])
        #expect(fixture.machine.automaticRefusals.isEmpty)
    }

    @Test func guestThatAPersonTookOutStaysOut() throws {
        var fixture = try VaultFixture.paired()
        try fixture.ask(.pairClouds(VaultFixture.pair(coverage: .wholeCloud)))
        try fixture.report([VaultFixture.guest("web")])
        try fixture.ask(.unprotect(protection: "web", fate: .delete))
        try fixture.ask(.confirmUnprotected(protection: "web", expectedVersion: .any))
        #expect(try fixture.report([VaultFixture.guest("web")]).isVolatile)
        try fixture.ask(.protectCloud(sourceCloud: "primary-cloud", targetCloud: nil))
        #expect(fixture.protection.state == .enabling)
        #expect(fixture.registry.exclusions.isEmpty)
    }

    @Test func guestsThatAreNoMoreMakeRoomForOneThatIsTakenOut() throws {
        var fixture = try VaultFixture.paired()
        try fixture.ask(.pairClouds(VaultFixture.pair(coverage: .wholeCloud)))
        try fixture.report([VaultFixture.guest("web"), VaultFixture.guest("out")])
        try fixture.ask(.unprotect(protection: "out", fate: .delete))
        var registry = fixture.registry
        var number: UInt64 = 1_000
        while registry.exclusions.count < VaultLimits.maximumExclusions {
            let gone = GuestExclusion(pair: VaultFixture.pair().key, guestUUID: VaultFixture.identifier(number))
            registry.apply(.exclusionAdded(gone))
            number += 1
        }
        var generator = fixture.generator
        let decision = try VaultStateMachine(registry: registry, at: fixture.moment).decide(
            .unprotect(protection: "web", fate: .delete),
            context: RequestContext(moment: fixture.moment, actor: "tester"), using: &generator)
        for change in decision.changes { registry.apply(change) }
        let left = ["web", "out"].map { VaultFixture.guest($0).key.uuid }
        #expect(Set(registry.exclusions.map(\.guestUUID)) == Set(left))
    }

    @Test func unpairingForgetsWhatWasTakenOut() throws {
        var fixture = try VaultFixture.paired()
        try fixture.ask(.pairClouds(VaultFixture.pair(coverage: .wholeCloud)))
        try fixture.report([VaultFixture.guest("web")])
        try fixture.ask(.unprotect(protection: "web", fate: .delete))
        try fixture.ask(.confirmUnprotected(protection: "web", expectedVersion: .any))
        try fixture.ask(.unpairClouds(VaultFixture.pair().key))
        #expect(fixture.registry.exclusions.isEmpty)
    }
}
