internal import Messages

/// Why a server's bus, not its handler, refused a request. The caller's bus repeats such a request by itself until the
/// deadline, and only then passes the refusal on.
enum BusRefusal: String, Sendable {
    case full
    case stopping

    /// Where it stands among the facts of the error.
    static let fact = "bus"

    init?(_ error: RemoteError) {
        guard let text = error.facts[Self.fact] else { return nil }
        self.init(rawValue: text)
    }
}
