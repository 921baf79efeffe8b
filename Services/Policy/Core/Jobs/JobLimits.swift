/// How many transfer jobs may run at once, in service settings. 0: no limit.
package struct JobLimits: Hashable, Sendable {
    /// Jobs that read from a host or write to it, together, because both cost its guests disk and processor time.
    package var perHost: Int
    /// Jobs between two sites, in both directions together, because they share a link.
    package var perSitePair: Int

    /// Enough for eight workers of two slots, and little for a host that runs guests.
    package static let perHostDefault = 16
    /// Enough to fill a link between sites by several hosts, and little for what it goes through.
    package static let perSitePairDefault = 64

    /// - Parameter perHost: 0: no limit.
    package init(perHost: Int = Self.perHostDefault, perSitePair: Int = Self.perSitePairDefault) {
        self.perHost = perHost
        self.perSitePair = perSitePair
    }
}

/// Two sites, in no order.
struct SitePair: Hashable, Sendable {
    let first: String
    let second: String

    init(_ one: String, _ other: String) {
        first = min(one, other)
        second = max(one, other)
    }
}

/// Counts running jobs by host and by pair of sites.
struct JobCounts: Sendable {
    let limits: JobLimits
    private var hosts: [String: Int] = [:]
    private var sites: [SitePair: Int] = [:]

    init(limits: JobLimits) { self.limits = limits }

    /// Whether one more job of this cycle may begin, and leaves room for as many others.
    func admits(_ posting: JobPosting, leaving others: Int = 0) -> Bool {
        let isHostFree =
            limits.perHost == 0
            || [posting.sourceHost, posting.targetHost].allSatisfy { hosts[$0, default: 0] + others < limits.perHost }
        let isWayFree = limits.perSitePair == 0 || sites[posting.sites, default: 0] + others < limits.perSitePair
        return isHostFree && isWayFree
    }

    mutating func began(_ posting: JobPosting) {
        hosts[posting.sourceHost, default: 0] += 1
        hosts[posting.targetHost, default: 0] += 1
        sites[posting.sites, default: 0] += 1
    }

    mutating func ended(_ posting: JobPosting) {
        Self.lower(&hosts, posting.sourceHost)
        Self.lower(&hosts, posting.targetHost)
        Self.lower(&sites, posting.sites)
    }

    private static func lower<Key>(_ counts: inout [Key: Int], _ key: Key) {
        guard let count = counts[key], count > 0 else { preconditionFailure("a job ended where none ran") }
        counts[key] = count == 1 ? nil : count - 1
    }
}
