import Foundation
import ServiceRuntime

/// Files with the operator's settings: YAML with the keys of `OperatorSettings.Key`, read as every service reads its own.
///
/// ```yaml
/// vault: tcp://127.0.0.1:7701
/// policy: tcp://127.0.0.1:7711
/// vaultEvents: tcp://127.0.0.1:7702
/// orchestrator: tcp://127.0.0.1:7741
/// ```
enum SettingsFile {
    /// The named file, or those of the usual places that exist, the stronger first.
    ///
    /// - Throws: `OperatorError` with code `usage` when a named file is missing, or any is not what it should be.
    static func layers(named name: String?, environment: [String: String]) async throws -> [OperatorSettings.Layer] {
        if let name { return [try await layer(from: name)] }
        var layers: [OperatorSettings.Layer] = []
        for path in OperatorSettings.usualFiles(environment: environment)
        where FileManager.default.isReadableFile(atPath: path) {
            layers.append(try await layer(from: path))
        }
        return layers
    }

    private static func layer(from path: String) async throws -> OperatorSettings.Layer {
        do {
            // The environment is a layer of its own, above the files.
            let settings = try await ServiceSettings.read(
                OperatorSettings.Key.allCases.map(\.settingKey), file: path, environment: [:])
            var values: [OperatorSettings.Key: String] = [:]
            for key in OperatorSettings.Key.allCases {
                let value = try settings.text(key.rawValue)
                if !value.isEmpty { values[key] = value }
            }
            return OperatorSettings.Layer(name: path, values: values)
        } catch let error as ServiceSettingsError {
            throw OperatorError(.usage, error.message, remedy: error.remedy)
        }
    }
}
