import Foundation
import Logging
import Testing

@testable import ServiceRuntime

struct ServiceSettingsTests {
    static let keys = [
        SettingKey("state", .required, "directory"), SettingKey("listen", .value("tcp://127.0.0.1:7701"), "endpoint"),
        SettingKey("slots", .value("2"), "jobs at once"), SettingKey("readsHosts", .value(""), "hosts"),
    ]

    @Test func standardValuesHoldWhenNothingIsSet() async throws {
        let settings = try await ServiceSettings.read(Self.keys, file: nil, environment: [:])
        #expect(try settings.text("listen") == "tcp://127.0.0.1:7701")
        #expect(try settings.number("slots", in: 1...8) == 2)
        #expect(try settings.list("readsHosts") == [])
        #expect(try settings.flag("insecureNetwork") == false)
        #expect(try settings.logLevel == .info)
        #expect(throws: ServiceSettingsError.self) { try settings.text("state") }
    }

    @Test func environmentWinsOverTheFile() async throws {
        let settings = try await read(
            "state: /var/lib/a\nslots: \"4\"\nlogLevel: debug\n",
            environment: ["BASCULE_SLOTS": "5", "BASCULE_LOG_LEVEL": "error", "SLOTS": "6"])
        #expect(try settings.text("state") == "/var/lib/a")
        #expect(try settings.number("slots", in: 1...8) == 5)
        #expect(try settings.logLevel == .error)
    }

    @Test(arguments: ["readsHosts: [a, b]\n", "readsHosts:\n  - a\n  - b\n", "readsHosts: \"a, b\"\n"])
    func listIsASequenceOrATextWithCommas(text: String) async throws {
        #expect(try await read(text).list("readsHosts") == ["a", "b"])
    }

    @Test func unknownSettingIsRefusedByName() async throws {
        let error = await #expect(throws: ServiceSettingsError.self) { try await read("state: a\nlisen: b\n") }
        #expect(error?.code == .unknownSetting && error?.message.contains("lisen") == true)
    }

    @Test(arguments: ["- a\n", "state\n", "state: [a\n", "\t"])
    func fileThatIsNoMappingIsRefused(text: String) async throws {
        let error = await #expect(throws: ServiceSettingsError.self) { try await read(text) }
        #expect(error?.code == .unreadableFile)
    }

    @Test func nestedValueIsRefused() async throws {
        let error = await #expect(throws: ServiceSettingsError.self) { try await read("state:\n  deeper: a\n") }
        #expect(error?.code == .badValue)
    }

    @Test func missingFileIsRefused() async throws {
        let error = await #expect(throws: ServiceSettingsError.self) {
            try await ServiceSettings.read(Self.keys, file: "/tmp/no-such-file.yaml", environment: [:])
        }
        #expect(error?.code == .unreadableFile)
    }

    @Test(arguments: ["0", "9", "two", "", "1.5"])
    func numberOutOfRangeIsRefused(text: String) async throws {
        let settings = try await read("slots: \"\(text)\"\n")
        #expect(throws: ServiceSettingsError.self) { try settings.number("slots", in: 1...8) }
    }

    @Test func namesInTheEnvironmentAreSplitIntoWords() {
        #expect(SettingKey("insecureNetwork", .required, "").environmentName == "BASCULE_INSECURE_NETWORK")
        #expect(SettingKey("state", .required, "").environmentName == "BASCULE_STATE")
    }

    @Test func tableNamesEverySetting() {
        let table = SettingKey.table(Self.keys)
        #expect(Self.keys.allSatisfy { table.contains("  \($0.name) ") })
        #expect(table.contains("(required)") && table.contains("(standard: 2)") && table.contains("(empty)"))
    }

    private func read(_ text: String, environment: [String: String] = [:]) async throws -> ServiceSettings {
        let path = "/tmp/bsc-\(UInt32.random(in: .min ... .max)).yaml"
        try text.write(toFile: path, atomically: false, encoding: .utf8)
        let result: Result<ServiceSettings, any Error>
        do {
            result = .success(try await ServiceSettings.read(Self.keys, file: path, environment: environment))
        } catch {
            result = .failure(error)
        }
        try FileManager.default.removeItem(atPath: path)
        return try result.get()
    }
}
