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
                    stateCell(of: host),
                    .init("\(registry.guests.filter { $0.hostID == host.id }.count)"),
                    .init(HumanUnits.bytes(host.memoryFreeBytes)), .init(HumanUnits.bytes(host.replicaFreeBytes)),
                    .init(host.agentVersion), .init(host.endpoint),
                ])
            }
            return table
        }

        private static func stateCell(of host: Registry.Host) -> Table.Cell {
            if host.isLeaving { return .init("being removed", .warning) }
            return host.reachable ? .init("reachable", .good) : .init("silent", .bad)
        }
    }

    package struct Remove: OperatorCommand {
        package static let configuration = CommandConfiguration(
            abstract: "Forget a host that is gone; refused while protections need it.",
            discussion: """
                Guests that are protected with it have to be unprotected first. A host that is
                gone for good cannot let go of them: while it is silent, it can be removed all
                the same, and their protections end without it. If that machine comes back, it
                registers anew, and what it holds of those guests is still there.

                EXAMPLES
                  bascule hosts remove alpha3
                  bascule unprotect web1 --keep-replica && bascule hosts remove alpha1
                """)

        @Argument(help: "Name or identifier of the host.")
        var host: String

        @Flag(help: "Do not ask.")
        var yes = false

        @OptionGroup package var common: CommonOptions

        package init() {}

        private struct Document: Codable {
            var removed: String
        }

        package func perform(in session: OperatorSession) async throws {
            let vault = try await session.vault()
            let registry = try await vault.registry()
            let found = try registry.host(named: host)
            let left = registry.protections.filter { $0.sourceHost == found.id || $0.targetHost == found.id }
            let guests = left.map(\.guest).joined(separator: ", ")
            // Anything else the vault refuses by itself.
            if !left.isEmpty, !found.reachable, left.allSatisfy({ $0.state == .disabling }) {
                try session.confirm(
                    "End the protection of \(guests) without \(found.name)? What it holds of that stays there.",
                    assumeYes: yes)
            }
            try await vault.removeHost(id: found.id)
            try session.answer(Document(removed: found.id)) { console in
                guard !left.isEmpty else { return console.print("Host \(found.name) removed.") }
                console.print("Host \(found.name) goes as soon as the protection of \(guests) has ended without it.")
                console.print(
                    "If that machine comes back, see that \(guests) does not run twice: its guests start there as")
                console.print(
                    "libvirt was told, and what it holds of them (disks, checkpoints, replica) is still there.")
            }
        }
    }
}
