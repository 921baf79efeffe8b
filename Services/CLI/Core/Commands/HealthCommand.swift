package import ArgumentParser
import MessageBus
import Messages

/// `bascule health`
package struct HealthCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "health",
        abstract: "Ask every service how it is: vault, policy, orchestrator, workers, host agents.",
        discussion: """
            Ends with exit status 5 when one does not answer.

            EXAMPLES
              bascule health
              bascule health --deadline 2
              bascule health --json | jq .services
            """)

    @OptionGroup package var common: CommonOptions

    package init() {}

    private struct Document: Codable {
        var services: [ServiceHealth]
    }

    package func perform(in session: OperatorSession) async throws {
        var services = [
            await ask("vault", "vault", at: session.settings[.vault], in: session),
            await ask("policy", "policy", at: session.settings[.policy], in: session),
            await ask("orchestrator", "orchestrator", at: session.settings[.orchestrator], in: session),
        ]
        if services[1].answers {
            // A drained worker that is not there has no endpoint, and need not answer; one that nobody can connect to has
            // none either, and shows that it lives by asking for jobs (`bascule workers`).
            do {
                for worker in try await session.policy().workers() where !worker.endpoint.isEmpty {
                    services.append(await ask("worker", worker.name, at: worker.endpoint, in: session))
                }
            } catch {
                services[1].details.append("Workers were not asked: \(FailureReport(error).message)")
            }
        }
        if services[0].answers {
            for host in try await session.vault().registry().hosts {
                services.append(await ask("agent", host.name, at: host.endpoint, in: session))
            }
        }
        try session.answer(Document(services: services)) { console in
            console.print(Self.table(of: services))
            for service in services {
                for detail in service.details { console.print("  \(service.name): \(detail)") }
            }
        }
        let silent = services.filter { !$0.answers }
        if !silent.isEmpty {
            throw OperatorError(
                .unavailable,
                "no answer from \(silent.map { "\($0.service) at \($0.endpoint)" }.joined(separator: ", "))",
                remedy: "see that they run there, and that the endpoints are right")
        }
    }

    private func ask(
        _ service: String, _ name: String, at endpoint: String, in session: OperatorSession
    ) async -> ServiceHealth {
        do {
            let reply = try await session.bus.client(to: endpoint).health(deadline: min(session.deadline, .seconds(3)))
            return ServiceHealth(wire: reply, endpoint: endpoint)
        } catch {
            return ServiceHealth(silent: service, name: name, endpoint: endpoint, why: FailureReport(error).message)
        }
    }

    static func table(of services: [ServiceHealth]) -> Table {
        var table = Table([
            .init("SERVICE"), .init("NAME", minimum: 6), .init("HEALTH"), .init("UP FOR", .right),
            .init("VERSION", minimum: 6, rank: 2), .init("ENDPOINT", minimum: 12, rank: 3),
        ])
        for service in services {
            table.add([
                .init(service.service), .init(service.name),
                service.answers ? .init(service.health.rawValue, service.health.style) : .init("no answer", .bad),
                .init(service.answers ? HumanUnits.duration(milliseconds: service.uptimeSeconds * 1_000) : "–"),
                .init(service.version), .init(service.endpoint),
            ])
        }
        return table
    }
}
