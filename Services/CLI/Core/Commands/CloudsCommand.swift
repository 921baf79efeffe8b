package import ArgumentParser

/// `bascule clouds [list | add NAME --site SITE | remove NAME]`
package struct CloudsCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "clouds", abstract: "List, add or remove clouds: named groups of hosts of one site.",
        discussion: """
            EXAMPLES
              bascule clouds
              bascule clouds add gold --site berlin
              bascule pair gold gold-dr --policy every-30s
            """,
        subcommands: [List.self, Add.self, Remove.self], defaultSubcommand: List.self)

    package init() {}

    package struct List: OperatorCommand {
        package static let configuration = CommandConfiguration(
            abstract: "List clouds and their pairs (default).",
            discussion: """
                EXAMPLES
                  bascule clouds list
                  bascule clouds list --json | jq .pairs
                """)

        @OptionGroup package var common: CommonOptions

        package init() {}

        private struct Document: Codable {
            var clouds: [Registry.Cloud]
            var pairs: [Registry.Pair]
        }

        package func perform(in session: OperatorSession) async throws {
            let registry = try await session.vault().registry()
            try session.answer(Document(clouds: registry.clouds, pairs: registry.pairs)) { console in
                guard !registry.clouds.isEmpty else {
                    return console.print(
                        "No cloud yet. A host agent that registers brings its own, or: bascule clouds add NAME --site SITE"
                    )
                }
                console.print(Self.table(of: registry))
            }
        }

        /// One row a cloud; a cloud that replicates to several others has a row for each.
        static func table(of registry: Registry) -> Table {
            var table = Table([
                .init("CLOUD", minimum: 8), .init("SITE", minimum: 6, rank: 3), .init("HOSTS", .right),
                .init("GUESTS", .right), .init("REPLICATES TO", minimum: 8), .init("POLICY", minimum: 6, rank: 1),
                .init("NEW GUESTS", rank: 2),
            ])
            for cloud in registry.clouds {
                let hosts = Set(registry.hosts.filter { $0.cloud == cloud.name }.map(\.id))
                let guests = registry.guests.filter { hosts.contains($0.hostID) }.count
                let start: [Table.Cell] = [
                    .init(cloud.name), .init(cloud.site), .init("\(hosts.count)"), .init("\(guests)"),
                ]
                let pairs = registry.pairs.filter { $0.source == cloud.name }
                if pairs.isEmpty { table.add(start + [.init("–", .dim), .init("–", .dim), .init("–", .dim)]) }
                for pair in pairs {
                    table.add(
                        start + [
                            .init(pair.target),
                            .init(pair.policy.isEmpty ? "default" : pair.policy),
                            .init(pair.autoProtect ? "protected" : "listed"),
                        ])
                }
            }
            return table
        }
    }

    package struct Add: OperatorCommand {
        package static let configuration = CommandConfiguration(
            abstract: "Add a cloud to a site.",
            discussion: """
                A host agent that registers brings its cloud along.

                EXAMPLES
                  bascule clouds add gold --site berlin
                """)

        @Argument(help: "Name of the cloud.")
        var name: String

        @Option(help: "Site it belongs to.")
        var site: String

        @OptionGroup package var common: CommonOptions

        package init() {}

        package func perform(in session: OperatorSession) async throws {
            try await session.vault().createCloud(named: name, in: site)
            try session.answer(Registry.Cloud(name: name, site: site)) {
                $0.print("Cloud \(name) added to site \(site).")
            }
        }
    }

    package struct Remove: OperatorCommand {
        package static let configuration = CommandConfiguration(
            abstract: "Remove a cloud that has no hosts and no pairs.",
            discussion: """
                EXAMPLES
                  bascule unpair gold gold-dr
                  bascule clouds remove gold
                """)

        @Argument(help: "Name of the cloud.")
        var name: String

        @OptionGroup package var common: CommonOptions

        package init() {}

        private struct Document: Codable {
            var removed: String
        }

        package func perform(in session: OperatorSession) async throws {
            try await session.vault().deleteCloud(named: name)
            try session.answer(Document(removed: name)) { $0.print("Cloud \(name) removed.") }
        }
    }
}
