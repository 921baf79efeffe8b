import Foundation
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
        #expect(settings[.orchestrator] == "tcp://127.0.0.1:7741")
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

    @Test func aFileOfSettingsIsReadAndAMisspeltKeyIsRefused() async throws {
        let path = "/tmp/bsc-\(UInt32.random(in: 0 ... .max)).yaml"
        defer { unlink(path) }
        try "policy: tcp://127.0.0.1:9\n".write(toFile: path, atomically: true, encoding: .utf8)
        let layers = try await SettingsFile.layers(named: path, environment: [:])
        #expect(layers == [.init(name: path, values: [.policy: "tcp://127.0.0.1:9"])])

        try "vualt: tcp://127.0.0.1:9\n".write(toFile: path, atomically: true, encoding: .utf8)
        let misspelt = await #expect(throws: OperatorError.self) {
            try await SettingsFile.layers(named: path, environment: [:])
        }
        #expect(misspelt?.code == .usage)
        let missing = await #expect(throws: OperatorError.self) {
            try await SettingsFile.layers(named: path + ".absent", environment: [:])
        }
        #expect(missing?.code == .usage)
    }
}
