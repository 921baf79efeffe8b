/// How well the vault itself is.
struct VaultHealth: Hashable, Sendable {
    enum Level: Hashable, Sendable {
        case normal
        /// It works, and somebody should look at the details.
        case warning
        /// It refuses what would change anything.
        case critical
    }

    var level: Level
    var details: [String]

    init(of registry: Registry, lastEventNumber: UInt64) {
        let silent = registry.hosts.values.filter { !$0.contact.isReachable }.map(\.name).sorted()
        level = silent.isEmpty ? .normal : .warning
        details = [
            "\(registry.hosts.count) hosts, \(registry.guestCount) guests, \(registry.protections.count) protections",
            "last event \(lastEventNumber)",
        ]
        details += silent.prefix(VaultLimits.maximumHealthDetails).map { "Host \($0) does not report." }
        let rest = silent.count - VaultLimits.maximumHealthDetails
        if rest > 0 { details.append("\(rest) more hosts do not report.") }
    }

    /// The database could not be written.
    init(failure: VaultError) {
        level = .critical
        details = [failure.message, failure.remedy]
    }
}
