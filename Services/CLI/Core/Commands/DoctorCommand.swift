package import ArgumentParser
import Messages

/// `bascule doctor [HOST…]`
package struct DoctorCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Check services and hosts for what they need, and say how to mend each.",
        discussion: """
            Ends with exit status 4 when a check failed.

            EXAMPLES
              bascule doctor                    the services, and every host
              bascule doctor alpha1             one host
              bascule doctor --failed           only what needs mending
            """)

    @Argument(help: "Hosts to check; all when none is named.")
    var hosts: [String] = []

    @Flag(help: "Show only what failed.")
    var failed = false

    @OptionGroup package var common: CommonOptions

    package init() {}

    private struct Document: Codable {
        var checks: [DoctorRecord]
    }

    package func perform(in session: OperatorSession) async throws {
        var checks: [DoctorRecord] = []
        // Nil while the vault does not answer, because the other services are examined all the same; hosts are not then.
        var registry: Registry?
        do {
            registry = try await session.vault().registry()
            checks.append(
                .init(
                    host: "–", name: "vault", passed: true, detail: "answers at \(session.settings[.vault])", remedy: ""
                ))
        } catch let error as RemoteError {
            checks.append(.init(host: "–", name: "vault", passed: false, detail: error.message, remedy: error.remedy))
        }
        do {
            let workers = try await session.policy().workers()
            checks.append(
                .init(
                    host: "–", name: "policy", passed: true, detail: "answers at \(session.settings[.policy])",
                    remedy: ""))
            checks.append(Self.check(of: workers))
        } catch let error as RemoteError {
            checks.append(.init(host: "–", name: "policy", passed: false, detail: error.message, remedy: error.remedy))
        }
        do {
            // Answering anything is what counts.
            _ = try await session.orchestrator().runs(of: nil, limit: 1)
            checks.append(
                .init(
                    host: "–", name: "orchestrator", passed: true,
                    detail: "answers at \(session.settings[.orchestrator])", remedy: ""))
        } catch let error as RemoteError {
            checks.append(
                .init(host: "–", name: "orchestrator", passed: false, detail: error.message, remedy: error.remedy))
        }
        if let registry {
            let chosen = try hosts.isEmpty ? registry.hosts : hosts.map { try registry.host(named: $0) }
            for host in chosen { checks += try await examine(host, in: session) }
            if chosen.isEmpty {
                checks.append(
                    .init(
                        host: "–", name: "hosts", passed: false, detail: "no host is registered",
                        remedy: "start bascule-agent on each host"))
            }
        }
        let shown = failed ? checks.filter { !$0.passed } : checks
        try session.answer(Document(checks: shown)) { console in
            if !shown.isEmpty { console.print(Self.table(of: shown)) }
            for check in shown where !check.passed && !check.remedy.isEmpty {
                console.print("  \(check.host == "–" ? "" : "\(check.host): ")\(check.name): \(check.remedy)")
            }
        }
        let broken = checks.filter { !$0.passed }.count
        if broken > 0 {
            throw OperatorError(
                .refused, "\(broken) of \(checks.count) checks failed", remedy: "mend what is said above, then repeat")
        }
    }

    private func examine(_ host: Registry.Host, in session: OperatorSession) async throws -> [DoctorRecord] {
        do {
            return try await session.agent(of: host).doctor()
        } catch let error as RemoteError {
            return [.init(host: host.name, name: "agent", passed: false, detail: error.message, remedy: error.remedy)]
        }
    }

    static func table(of checks: [DoctorRecord]) -> Table {
        var table = Table([
            .init("HOST", minimum: 6), .init("CHECK", minimum: 8), .init("RESULT"), .init("DETAIL", minimum: 12),
        ])
        for check in checks {
            table.add([
                .init(check.host), .init(check.name), check.passed ? .init("ok", .good) : .init("FAILED", .bad),
                .init(check.detail),
            ])
        }
        return table
    }

    private static func check(of workers: [WorkerRecord]) -> DoctorRecord {
        let idle = workers.filter { $0.state == .drained || $0.state == .draining }
        let remedy: String
        if workers.count > idle.count {
            remedy = ""
        } else if let drained = idle.first {
            remedy = "all are drained; let one work again: bascule workers resume \(drained.name)"
        } else {
            remedy = "start bascule-worker wherever it reaches source and target"
        }
        return DoctorRecord(
            host: "–", name: "workers", passed: remedy.isEmpty,
            detail: "\(workers.count) at the job board" + (idle.isEmpty ? "" : ", \(idle.count) of them drained"),
            remedy: remedy)
    }
}
