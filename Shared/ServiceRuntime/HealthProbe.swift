internal import Logging
internal import MessageBus
internal import Messages

/// Asks a running service how it is, from beside it, as whoever watches over its process does.
///
/// It asks over the service's own request endpoint, because a process that runs and a port that is open do not mean that
/// requests are answered.
package struct HealthProbe: Sendable {
    /// Long enough for a busy machine, short enough for a check every few seconds.
    static let deadline: Duration = .seconds(3)

    /// What was found, as one line for people.
    package let sentence: String
    /// Whether the service answered, and not that it is in a critical state.
    package let isWell: Bool

    /// - Parameter listen: the endpoint that the service binds, as in its settings.
    package static func ask(at listen: String) async -> HealthProbe {
        let endpoint = reachable(listen)
        // Its own failures are in the sentence; the bus has nothing to add.
        let bus = MessageBus(name: "health", logger: Logger(label: "health") { _ in SwiftLogNoOpLogHandler() })
        let probe: HealthProbe
        do {
            let reply = try await bus.client(to: endpoint).health(deadline: deadline)
            probe = HealthProbe(reply)
        } catch {
            probe = HealthProbe(sentence: "no answer at \(endpoint): \(error)", isWell: false)
        }
        await bus.shutdown()
        return probe
    }

    private init(sentence: String, isWell: Bool) {
        self.sentence = sentence
        self.isWell = isWell
    }

    private init(_ reply: HealthReply) {
        let level =
            switch reply.level {
            case .normal: "normal"
            case .warning: "warning"
            case .critical: "critical"
            case .unspecified, .UNRECOGNIZED: "unknown"
            }
        let details = reply.details.isEmpty ? "" : ": \(reply.details.joined(separator: "; "))"
        self.init(sentence: "\(reply.service) \(reply.name) is \(level)\(details)", isWell: reply.level != .critical)
    }

    /// An endpoint that is bound at every address of the machine answers at its loopback address, too.
    static func reachable(_ listen: String) -> String {
        for every in ["tcp://0.0.0.0:", "tcp://*:", "tcp://[::]:"] where listen.hasPrefix(every) {
            return "tcp://127.0.0.1:\(listen.dropFirst(every.count))"
        }
        return listen
    }
}
