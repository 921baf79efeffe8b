import Testing

@testable import Vault

struct TopologyTests {
    @Test func siteIsCreatedOnceAndDeletedWhenEmpty() throws {
        var fixture = VaultFixture()
        let decision = try fixture.ask(.createSite(Site(name: "berlin")))
        #expect(decision.changes == [.site(Site(name: "berlin"))])
        #expect(fixture.refusal(of: .createSite(Site(name: "berlin")))?.code == .alreadyExists)
        try fixture.ask(.createCloud(Cloud(name: "gold", site: "berlin")))
        #expect(fixture.refusal(of: .deleteSite(name: "berlin"))?.code == .failedPrecondition)
        try fixture.ask(.deleteCloud(name: "gold"))
        try fixture.ask(.deleteSite(name: "berlin"))
        #expect(fixture.registry == Registry())
        #expect(fixture.refusal(of: .deleteSite(name: "berlin"))?.code == .notFound)
    }

    @Test(arguments: ["", "-a", "a b", "a/b", "ä", "a\n", ".", String(repeating: "a", count: 65), "a\u{0}"])
    func nameThatBreaksTheRuleIsRefused(name: String) {
        var fixture = VaultFixture()
        #expect(fixture.refusal(of: .createSite(Site(name: name)))?.code == .invalidArgument)
    }

    @Test(arguments: ["a", "9", "A-b_c.d", String(repeating: "a", count: 64)])
    func nameThatKeepsTheRuleIsTaken(name: String) throws {
        var fixture = VaultFixture()
        try fixture.ask(.createSite(Site(name: name)))
    }

    @Test func cloudNeedsItsSiteAndItsOwnName() throws {
        var fixture = VaultFixture()
        #expect(fixture.refusal(of: .createCloud(Cloud(name: "gold", site: "berlin")))?.code == .notFound)
        try fixture.ask(.createSite(Site(name: "berlin")))
        try fixture.ask(.createCloud(Cloud(name: "gold", site: "berlin")))
        #expect(fixture.refusal(of: .createCloud(Cloud(name: "gold", site: "berlin")))?.code == .alreadyExists)
    }

    @Test func cloudInUseIsNotDeleted() throws {
        var fixture = try VaultFixture.paired()
        #expect(fixture.refusal(of: .deleteCloud(name: "primary-cloud"))?.facts["hosts"] == "1")
        try fixture.ask(.removeHost(id: VaultFixture.primary))
        #expect(fixture.refusal(of: .deleteCloud(name: "primary-cloud"))?.facts["pairs"] == "1")
    }

    @Test func pairNeedsTwoDifferentCloudsThatExist() throws {
        var fixture = try VaultFixture.paired()
        #expect(fixture.refusal(of: .pairClouds(VaultFixture.pair("primary-cloud", "nowhere")))?.code == .notFound)
        #expect(fixture.refusal(of: .pairClouds(VaultFixture.pair("nowhere", "primary-cloud")))?.code == .notFound)
        let own = VaultFixture.pair("primary-cloud", "primary-cloud")
        #expect(fixture.refusal(of: .pairClouds(own))?.code == .invalidArgument)
        #expect(fixture.refusal(of: .pairClouds(VaultFixture.pair(policy: "no good")))?.code == .invalidArgument)
    }

    @Test func pairingAgainChangesThePolicyAndKeepsWhatProtectCloudSet() throws {
        var fixture = try VaultFixture.paired()
        try fixture.ask(.protectCloud(sourceCloud: "primary-cloud", targetCloud: nil))
        try fixture.ask(.pairClouds(VaultFixture.pair(policy: "silver", coverage: .namedThenAutomatic)))
        let expected = VaultFixture.pair(policy: "silver", coverage: .wholeCloud)
        #expect(fixture.registry.pairs[expected.key] == expected)
        let repeated = try fixture.ask(.pairClouds(expected))
        #expect(repeated.changes.isEmpty)
    }

    @Test func pairInUseIsNotRemoved() throws {
        var fixture = try VaultFixture.protecting()
        let key = VaultFixture.pair().key
        #expect(fixture.refusal(of: .unpairClouds(key))?.facts["protections"] == "1")
        try fixture.ask(.unprotect(protection: "web", fate: .delete))
        try fixture.ask(.confirmUnprotected(protection: "web", expectedVersion: .any))
        try fixture.ask(.unpairClouds(key))
        #expect(fixture.refusal(of: .unpairClouds(key))?.code == .notFound)
    }

    @Test func collectionsAreBounded() throws {
        var fixture = VaultFixture()
        for number in 0..<VaultLimits.maximumSites { try fixture.ask(.createSite(Site(name: "s\(number)"))) }
        #expect(fixture.refusal(of: .createSite(Site(name: "more")))?.code == .resourceExhausted)
        for number in 0..<VaultLimits.maximumClouds {
            try fixture.ask(.createCloud(Cloud(name: "c\(number)", site: "s0")))
        }
        #expect(fixture.refusal(of: .createCloud(Cloud(name: "more", site: "s0")))?.code == .resourceExhausted)
    }
}
