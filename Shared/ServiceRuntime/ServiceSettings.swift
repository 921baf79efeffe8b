internal import Configuration
internal import FoundationEssentials
package import Logging

/// What an operator set: first the environment, then the YAML file of `--config`, then the standard values.
///
/// Only declared settings can be asked for, and a file that holds others is refused, because a misspelt setting that is
/// silently ignored is found out too late.
package struct ServiceSettings: Sendable {
    /// A settings file is a page, not a database.
    package static let maximumFileBytes = 64 << 10

    private let keys: [String: SettingKey]
    private let values: [String: String]

    /// `keys` without the common ones, which are added here.
    package static func read(
        _ keys: [SettingKey], file: String?,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) async throws -> ServiceSettings {
        let keys = keys + SettingKey.common
        let written = try file.map { try writtenKeys(in: $0) } ?? []
        if let unknown = written.first(where: { name in !keys.contains { $0.name == name } }) {
            throw ServiceSettingsError(
                .unknownSetting, "\(file ?? "") sets “\(unknown)”, which this service does not have.",
                remedy: "Use one of: \(keys.map(\.name).joined(separator: ", ")).")
        }
        let reader = try await reader(file: file, environment: environment)
        var values: [String: String] = [:]
        for key in keys {
            if let value = reader.string(forKey: ConfigKey(key.name)) {
                values[key.name] = value
            } else if let list = reader.stringArray(forKey: ConfigKey(key.name)) {
                values[key.name] = list.joined(separator: ",")
            } else if written.contains(key.name) {
                throw ServiceSettingsError(
                    .badValue, "\(file ?? "") sets “\(key.name)” to something that is neither a value nor a list.",
                    remedy: "Write \(key.name): value.")
            } else if case .value(let standard) = key.standard {
                values[key.name] = standard
            }
        }
        return ServiceSettings(keys: keys, values: values)
    }

    private init(keys: [SettingKey], values: [String: String]) {
        self.keys = Dictionary(keys.map { ($0.name, $0) }) { first, _ in first }
        self.values = values
    }

    // MARK: Values

    /// Throws when it is required and was not set, or set to nothing.
    package func text(_ name: String) throws -> String {
        guard let key = keys[name] else { preconditionFailure("the setting \(name) was not declared") }
        if let value = values[name], !value.isEmpty || key.standard == .value("") { return value }
        throw ServiceSettingsError(
            .missingSetting, "The setting “\(name)” is missing: \(key.meaning).",
            remedy: "Set \(name) in the file of --config, or \(key.environmentName) in the environment.")
    }

    package func number(_ name: String, in range: ClosedRange<Int>) throws -> Int {
        let text = try text(name)
        guard let number = Int(text), range.contains(number) else {
            throw bad(name, text, "a number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    package func flag(_ name: String) throws -> Bool {
        switch try text(name).lowercased() {
        case "true", "yes", "on": true
        case "false", "no", "off": false
        case let text: throw bad(name, text, "true or false")
        }
    }

    /// Parts of a list, or of a text with commas.
    package func list(_ name: String) throws -> [String] {
        try text(name).split(separator: ",")
            .map { part in String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()) }
            .filter { !$0.isEmpty }
    }

    /// An endpoint that this service may use; see ``EndpointRule``.
    package func endpoint(_ name: String) throws -> String {
        let endpoint = try text(name)
        try EndpointRule.check(endpoint, of: name, allowsNetwork: try flag("insecureNetwork"))
        return endpoint
    }

    package var logLevel: Logger.Level {
        get throws {
            let text = try text("logLevel")
            guard let level = Logger.Level(rawValue: text.lowercased()) else {
                throw bad("logLevel", text, Logger.Level.allCases.map(\.rawValue).joined(separator: ", "))
            }
            return level
        }
    }

    private func bad(_ name: String, _ text: String, _ expected: String) -> ServiceSettingsError {
        ServiceSettingsError(
            .badValue, "The setting “\(name)” is “\(text.prefix(80))”.", remedy: "It has to be \(expected).")
    }

    // MARK: Reading

    private static func reader(file: String?, environment: [String: String]) async throws -> ConfigReader {
        let variables = EnvironmentVariablesProvider(environmentVariables: environment).prefixKeys(with: "bascule")
        guard let file else { return ConfigReader(provider: variables) }
        do {
            let place = ConfigReader(provider: InMemoryProvider(values: ["filePath": .init(stringLiteral: file)]))
            let written = try await FileProvider<YAMLSnapshot>(config: place)
            return ConfigReader(providers: [variables, written])
        } catch {
            throw ServiceSettingsError(
                .unreadableFile, "The settings in \(file) cannot be read: \(error)",
                remedy: "Write one “name: value” a line.")
        }
    }

    /// The names at the beginnings of lines: settings are not nested.
    private static func writtenKeys(in file: String) throws -> [String] {
        let text: String
        do {
            let data = try Data(contentsOf: URL(filePath: file))
            guard data.count <= maximumFileBytes else {
                throw ServiceSettingsError(
                    .unreadableFile, "\(file) is larger than \(maximumFileBytes) bytes.",
                    remedy: "Name the settings file with --config.")
            }
            text = String(decoding: data, as: UTF8.self)
        } catch let error as ServiceSettingsError {
            throw error
        } catch {
            throw ServiceSettingsError(
                .unreadableFile, "The settings file \(file) cannot be read: \(error)",
                remedy: "Name a file that is there with --config.")
        }
        return text.split(whereSeparator: \.isNewline).compactMap { line in
            guard let first = line.first, first != " ", first != "#", first != "-", first != "\t",
                let colon = line.firstIndex(of: ":")
            else { return nil }
            return String(line[..<colon].filter { $0 != "\"" && $0 != "'" && $0 != " " })
        }
    }
}
