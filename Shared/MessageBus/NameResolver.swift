/// Looks up the addresses of a name without ever keeping the caller waiting.
///
/// A value, so that a test hands in what it wants to be answered, and when.
package struct NameResolver: Sendable {
    package enum Outcome: Hashable, Sendable {
        /// Numeric IPv4 addresses, in the order of the resolver's preference.
        case addresses([String])
        /// Why there is none, in words for a log.
        case failed(String)
    }

    package typealias Answer = @Sendable (Outcome) -> Void

    private let look: @Sendable (String, @escaping Answer) -> Void

    /// `look` returns at once, and calls its second argument once, on any thread; or never, when nobody answers.
    package init(_ look: @escaping @Sendable (String, @escaping Answer) -> Void) { self.look = look }

    func resolve(_ host: String, answer: @escaping Answer) { look(host, answer) }

    /// What the system knows: its files, and its name servers.
    package static let system: NameResolver = {
        let lookups = SystemLookups(limits: SystemLookupLimits())
        return NameResolver { host, answer in lookups.begin(host, answer: answer) }
    }()
}
