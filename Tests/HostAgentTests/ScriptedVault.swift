import LocalPorts
import Logging
import MessageBus
import Messages
import Synchronization

/// A vault that writes down what agents tell it.
final class ScriptedVault: Sendable {
    struct Heard: Sendable {
        var registrations: [RegisterHost] = []
        var reports: [ReportInventory] = []
        /// Answer the next reports with NOT_FOUND, as a vault with a new database does.
        var forgetsHosts = false
        /// Of the only host; a lower one is refused.
        var incarnation: UInt64 = 0
        /// What reports are answered with; nil: as an earlier release did.
        var duties: [Duty]?
        /// What a snapshot shows; registering changes nothing of it.
        var hosts: [Messages.Host] = []

        mutating func check(_ told: UInt64) throws {
            guard told >= incarnation else {
                throw RemoteError(.staleGeneration, "Host host was taken over by another agent.")
            }
            incarnation = told
        }
    }

    private final class Notes: Sendable {
        let heard = Mutex(Heard())
    }

    let endpoint: String
    private let bus: MessageBus
    private let notes: Notes

    static func start(at endpoint: String = LocalPorts.endpoint()) async throws -> ScriptedVault {
        let notes = Notes()
        let bus = MessageBus(name: "vault/test", logger: Logger(label: "vault"))
        let server = try await bus.serve(at: endpoint) { request in
            guard case .vaultRequest(let body) = request.body, let vault = body.request else {
                throw RemoteError(.unimplemented, "The test's vault knows three requests.")
            }
            var reply = VaultReply()
            try notes.heard.withLock { heard in
                switch vault {
                case .registerHost(let registration):
                    heard.registrations.append(registration)
                    try heard.check(registration.host.incarnation)
                    heard.forgetsHosts = false
                    reply.host = registration.host
                case .reportInventory(let report):
                    try heard.check(report.incarnation)
                    if heard.forgetsHosts { throw RemoteError(.notFound, "No such host.") }
                    heard.reports.append(report)
                    if let duties = heard.duties {
                        reply.duties.duties = duties
                    } else {
                        reply.done = Done()
                    }
                case .getSnapshot:
                    reply.snapshot.hosts = heard.hosts
                default:
                    throw RemoteError(.unimplemented, "The test's vault knows three requests.")
                }
            }
            return .vaultReply(reply)
        }
        return ScriptedVault(endpoint: server.endpoint, bus: bus, notes: notes)
    }

    private init(endpoint: String, bus: MessageBus, notes: Notes) {
        self.endpoint = endpoint
        self.bus = bus
        self.notes = notes
    }

    var heard: Heard { notes.heard.withLock { $0 } }

    func forgetHosts() { notes.heard.withLock { $0.forgetsHosts = true } }

    /// Another agent registers as the host, in this incarnation.
    func takeOver(_ incarnation: UInt64) { notes.heard.withLock { $0.incarnation = incarnation } }

    func tell(_ duties: [Duty]) { notes.heard.withLock { $0.duties = duties } }

    func show(_ hosts: [Messages.Host]) { notes.heard.withLock { $0.hosts = hosts } }

    func stop() async { await bus.shutdown() }
}
