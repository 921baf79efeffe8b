/// One setting of a service: what it is called, what it is when nobody sets it, and what it means.
package struct SettingKey: Hashable, Sendable {
    /// What holds when neither the file nor the environment says anything.
    package enum Standard: Hashable, Sendable {
        /// The service does not start without it.
        case required
        case value(String)
    }

    /// As in the file: `logLevel`. In the environment the same setting is `BASCULE_LOG_LEVEL`.
    package let name: String
    package let standard: Standard
    /// One clause for people, shown by `--help`.
    package let meaning: String

    package init(_ name: String, _ standard: Standard = .required, _ meaning: String) {
        precondition(!name.isEmpty && name.allSatisfy { $0.isASCII && $0.isLetter }, "a setting is named with letters")
        self.name = name
        self.standard = standard
        self.meaning = meaning
    }

    /// `BASCULE_LOG_LEVEL` for `logLevel`.
    package var environmentName: String {
        var words = "BASCULE_"
        var previous: Character?
        for character in name {
            if character.isUppercase, previous?.isLowercase == true { words.append("_") }
            words.append(character.uppercased())
            previous = character
        }
        return words
    }

    /// Settings that every service has.
    package static let common = [
        SettingKey("logLevel", .value("info"), "trace, debug, info, notice, warning, error or critical"),
        SettingKey(
            "insecureNetwork", .value("false"),
            "true allows endpoints that other machines reach, although nothing proves yet who speaks there"),
    ]

    /// The settings as `--help` shows them.
    package static func table(_ keys: [SettingKey]) -> String {
        let width = keys.map(\.name.count).max() ?? 0
        let lines = keys.map { key in
            let standard =
                switch key.standard {
                case .required: "required"
                case .value(""): "empty"
                case .value(let value): "standard: \(value)"
                }
            let gap = String(repeating: " ", count: width - key.name.count)
            return "  \(key.name)\(gap)  \(key.meaning) (\(standard))"
        }
        return """
            SETTINGS, in the YAML file of --config, or in the environment, which wins (logLevel is BASCULE_LOG_LEVEL):
            \(lines.joined(separator: "\n"))
            """
    }
}
