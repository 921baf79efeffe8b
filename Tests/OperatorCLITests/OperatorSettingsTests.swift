import Testing

@testable import OperatorCLI

@Suite struct OperatorSettingsTests {
    @Test func theStrongestPlaceThatHasASettingWins() {
        let settings = OperatorSettings(layers: [
            .init(name: "option", values: [.vault: "tcp://a:1"]),
            .init(environment: [
                "BASCULE_VAULT": "tcp://b:1", "BASCULE_POLICY": "tcp://b:2", "BASCULE_VAULT_EVENTS": "",
            ]),
            .init(name: "file", values: [.vault: "tcp://c:1", .policy: "tcp://c:2", .vaultEvents: "tcp://c:3"]),
        ])
        #expect(settings[.vault] == "tcp://a:1")
        #expect(settings[.policy] == "tcp://b:2")
        #expect(settings[.vaultEvents] == "tcp://c:3")
        #expect(settings.source(of: .vault) == "option")
        #expect(settings.source(of: .policy) == "environment")
        #expect(settings.source(of: .binaries) == "default")
    }

    @Test func withoutAnyPlaceServicesAreLookedForOnThisMachine() {
        let settings = OperatorSettings(layers: [])
        #expect(settings[.vault] == "tcp://127.0.0.1:7701")
        #expect(settings[.policy] == "tcp://127.0.0.1:7711")
        #expect(settings[.vaultEvents] == "tcp://127.0.0.1:7702")
    }

    @Test func theOperatorsOwnFileComesBeforeTheMachines() {
        #expect(
            OperatorSettings.usualFiles(environment: ["HOME": "/h"])
                == ["/h/.config/bascule/bascule.yaml", "/etc/bascule/bascule.yaml"])
        #expect(
            OperatorSettings.usualFiles(environment: ["HOME": "/h", "XDG_CONFIG_HOME": "/x"]).first
                == "/x/bascule/bascule.yaml")
        #expect(OperatorSettings.usualFiles(environment: [:]) == ["/etc/bascule/bascule.yaml"])
    }
}
