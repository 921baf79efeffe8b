package import ArgumentParser

/// `bascule hosts [list | remove HOST]`
package struct HostsCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "hosts", abstract: "List hosts, or remove one that is gone.",
        discussion: """
            EXAMPLES
              bascule hosts
              bascule hosts remove alpha3
            """,
        subcommands: [List.self, Remove.self], defaultSubcommand: List.self)

    package init() {}

    package struct List: OperatorCommand {
        package static let configuration = CommandConfiguration(
            abstract: "List the hosts and their room (default).",
            discussion: """
                Hosts appear by themselves: start bascule-agent on one, and it registers.

                EXAMPLES
                  bascule hosts list
                  bascule hosts list --json | jq .hosts
                """)

        @OptionGroup package var common: CommonOptions

        package init() {}

        private struct Document: Codable {
            var hosts: [Registry.Host]
        }

        package func perform(in session: OperatorSession) async throws {
            let registry = try await session.vault().registry()
            try session.answer(Document(hosts: registry.hosts)) { console in
                guard !registry.hosts.isEmpty else {
                    return console.print("No host yet. Start bascule-agent on one; it registers by itself.")
                }
                console.print(Self.table(of: registry))
            }
        }

        static func table(of registry: Registry) -> Table {
            var table = Table([
                .init("HOST", minimum: 8), .init("CLOUD", minimum: 6, rank: 1), .init("STATE"),
                .init("GUESTS", .right, rank: 2), .init("MEMORY FREE", .right, rank: 3),
                .init("REPLICAS FREE", .right, rank: 2), .init("AGENT", rank: 4),
                .init("ENDPOINT", minimum: 12, rank: 5),
            ])
            for host in registry.hosts {
                table.add([
                    .init(host.name), .init(host.cloud),
                    host.reachable ? .init("reachable", .good) : .init("silent", .bad),
                    .init("\(registry.guests.filter { $0.hostID == host.id }.count)"),
                    .init(HumanUnits.bytes(host.memoryFreeBytes)), .init(HumanUnits.bytes(host.replicaFreeBytes)),
                    .init(host.agentVersion), .init(host.endpoint),
                ])
            }
            return table
        }
    }

    package struct Remove: OperatorCommand {
        package static let configuration = CommandConfiguration(
            abstract: "Forget a host that is gone; refused while protections use it.",
            discussion: """
                EXAMPLES
                  bascule hosts remove alpha3
                """)

        @Argument(help: "Name or identifier of the host.")
        var host: String

        @OptionGroup package var common: CommonOptions

        package init() {}

        private struct Document: Codable {
            var removed: String
        }

        package func perform(in session: OperatorSession) async throws {
            let vault = try await session.vault()
            let found = try await vault.registry().host(named: host)
            try await vault.removeHost(id: found.id)
            try session.answer(Document(removed: found.id)) { $0.print("Host \(found.name) removed.") }
        }
    }
}
