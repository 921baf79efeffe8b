package import ServiceRuntime

/// Where the services are. Each setting comes from the first place that has it: the command's option, the environment,
/// the operator's own file, the machine's file, and at last the default of services on this machine.
package struct OperatorSettings: Sendable, Equatable {
    package enum Key: String, Sendable, CaseIterable {
        case vault
        case policy
        case vaultEvents
        case orchestrator
        /// Folder with the services' executables and the view plugin; for `demo` and `export --replica`.
        case binaries

        /// The same key as services declare theirs; empty stands for "not set here".
        package var settingKey: SettingKey { SettingKey(rawValue, .value(""), meaning) }

        private var meaning: String {
            switch self {
            case .vault: "endpoint of the vault"
            case .policy: "endpoint of the policy service"
            case .vaultEvents: "endpoint where the vault publishes"
            case .orchestrator: "endpoint of the failover orchestrator"
            case .binaries: "folder with the executables and the view plugin"
            }
        }

        package var fallback: String {
            switch self {
            case .vault: "tcp://127.0.0.1:7701"
            case .policy: "tcp://127.0.0.1:7711"
            case .vaultEvents: "tcp://127.0.0.1:7702"
            case .orchestrator: "tcp://127.0.0.1:7741"
            case .binaries: ""
            }
        }
    }

    /// One place that settings come from.
    package struct Layer: Sendable, Equatable {
        /// For people: `--vault`, `environment`, a file's path.
        package var name: String
        package var values: [Key: String]

        package init(name: String, values: [Key: String]) {
            self.name = name
            self.values = values
        }

        package init(environment: [String: String]) {
            name = "environment"
            values = [:]
            for key in Key.allCases {
                if let value = environment[key.settingKey.environmentName], !value.isEmpty { values[key] = value }
            }
        }
    }

    private let layers: [Layer]

    /// `layers` from the strongest to the weakest.
    package init(layers: [Layer]) {
        self.layers = layers
    }

    package subscript(key: Key) -> String {
        layers.lazy.compactMap { $0.values[key] }.first ?? key.fallback
    }

    /// Which place a setting came from, for `health` and errors.
    package func source(of key: Key) -> String {
        layers.first { $0.values[key] != nil }?.name ?? "default"
    }

    /// The files that are looked for when none is named, the stronger first.
    package static func usualFiles(environment: [String: String]) -> [String] {
        var files: [String] = []
        if let folder = environment["XDG_CONFIG_HOME"], !folder.isEmpty {
            files.append("\(folder)/bascule/bascule.yaml")
        } else if let home = environment["HOME"], !home.isEmpty {
            files.append("\(home)/.config/bascule/bascule.yaml")
        }
        files.append("/etc/bascule/bascule.yaml")
        return files
    }
}
