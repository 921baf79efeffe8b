import Configuration
import Foundation
import SystemPackage

/// Files with the operator's settings: YAML with the keys of `OperatorSettings.Key` at the top.
///
/// ```yaml
/// vault: tcp://127.0.0.1:7701
/// policy: tcp://127.0.0.1:7711
/// vaultEvents: tcp://127.0.0.1:7702
/// ```
enum SettingsFile {
    /// The named file, or those of the usual places that exist, the stronger first.
    ///
    /// - Throws: `OperatorError` with code `usage` when a named file is missing, or any is not what it should be.
    static func layers(named name: String?, environment: [String: String]) async throws -> [OperatorSettings.Layer] {
        if let name {
            guard FileManager.default.isReadableFile(atPath: name) else {
                throw OperatorError(
                    .usage, "the settings file \(name) cannot be read", remedy: "give another with --config")
            }
            return [try await layer(from: name)]
        }
        var layers: [OperatorSettings.Layer] = []
        for path in OperatorSettings.usualFiles(environment: environment)
        where FileManager.default.isReadableFile(atPath: path) {
            layers.append(try await layer(from: path))
        }
        return layers
    }

    private static func layer(from path: String) async throws -> OperatorSettings.Layer {
        let reader: ConfigReader
        do {
            reader = ConfigReader(provider: try await FileProvider<YAMLSnapshot>(filePath: FilePath(path)))
        } catch {
            throw OperatorError(
                .usage, "the settings file \(path) is not YAML as it should be: \(error)",
                remedy: "write one \"key: value\" a line")
        }
        var values: [OperatorSettings.Key: String] = [:]
        for key in OperatorSettings.Key.allCases {
            if let value = reader.string(forKey: ConfigKey([key.rawValue])), !value.isEmpty { values[key] = value }
        }
        return OperatorSettings.Layer(name: path, values: values)
    }
}
