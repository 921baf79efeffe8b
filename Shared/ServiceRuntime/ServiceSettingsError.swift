/// Why a service cannot start with what an operator set.
package struct ServiceSettingsError: Error, Hashable, Sendable {
    package enum Code: String, Hashable, Sendable {
        /// The file is not there, or is not YAML of the expected form.
        case unreadableFile
        /// The file holds a setting that the service does not have.
        case unknownSetting
        case missingSetting
        case badValue
        /// The endpoint is reachable from other machines.
        case insecureEndpoint
    }

    package let code: Code
    package let message: String
    package let remedy: String

    package init(_ code: Code, _ message: String, remedy: String) {
        self.code = code
        self.message = message
        self.remedy = remedy
    }
}

extension ServiceSettingsError: CustomStringConvertible {
    package var description: String { "\(message) \(remedy)" }
}
