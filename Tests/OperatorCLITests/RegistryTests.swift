import Testing

@testable import OperatorCLI

@Suite struct RegistryTests {
    @Test func aProtectionIsFoundByWhateverNamesIt() throws {
        let registry = Samples.registry()
        for name in ["web1", "22222222-2222-2222-2222-222222222222", "11111111-1111-1111-1111-111111111111"] {
            #expect(try registry.protection(named: name).guest == "web1")
        }
    }

    @Test func aGuestWithoutProtectionSaysHowToProtectIt() {
        let error = #expect(throws: OperatorError.self) { try Samples.registry().protection(named: "db1") }
        #expect(error?.code == .notFound)
        #expect(error?.remedy == "protect it first: bascule protect db1")
    }

    @Test func aNameThatSeveralHaveIsRefusedWithTheList() {
        var registry = Samples.registry()
        registry.guests.append(Samples.guest("db1", uuid: "44444444-4444-4444-4444-444444444444", host: "host-b"))
        let error = #expect(throws: OperatorError.self) { try registry.guest(named: "db1") }
        #expect(error?.code == .usage)
        #expect(error?.message == "\"db1\" means 2 guests: db1 on alpha; db1 on beta")
        #expect(throws: Never.self) { try registry.guest(named: "db1", on: "beta") }
    }

    @Test func theGuestsOwnPolicyComesBeforeThatOfThePair() {
        let registry = Samples.registry()
        var protection = Samples.protection()
        #expect(registry.policy(of: protection) == "every-second")
        protection.policyOverride = "gold"
        #expect(registry.policy(of: protection) == "gold")
        protection.policyOverride = ""
        protection.targetCloud = "elsewhere"
        #expect(registry.policy(of: protection) == nil)
    }
}
