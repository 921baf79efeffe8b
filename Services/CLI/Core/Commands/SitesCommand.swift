package import ArgumentParser

/// `bascule sites [list | add NAME | remove NAME]`
package struct SitesCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "sites", abstract: "List, add or remove sites.",
        discussion: """
            EXAMPLES
              bascule sites
              bascule sites add berlin
              bascule sites remove berlin
            """,
        subcommands: [List.self, Add.self, Remove.self], defaultSubcommand: List.self)

    package init() {}

    package struct List: OperatorCommand {
        package static let configuration = CommandConfiguration(
            abstract: "List the sites (default).",
            discussion: """
                EXAMPLES
                  bascule sites list
                  bascule sites list --json | jq .sites
                """)

        @OptionGroup package var common: CommonOptions

        package init() {}

        private struct Document: Codable {
            var sites: [Registry.Site]
        }

        package func perform(in session: OperatorSession) async throws {
            let registry = try await session.vault().registry()
            try session.answer(Document(sites: registry.sites)) { console in
                guard !registry.sites.isEmpty else {
                    return console.print(
                        "No site yet. A host agent that registers brings its own, or: bascule sites add NAME")
                }
                var table = Table([
                    .init("SITE", minimum: 8), .init("CLOUDS", .right), .init("HOSTS", .right), .init("GUESTS", .right),
                ])
                for site in registry.sites {
                    let clouds = Set(registry.clouds.filter { $0.site == site.name }.map(\.name))
                    let hosts = Set(registry.hosts.filter { clouds.contains($0.cloud) }.map(\.id))
                    let guests = registry.guests.filter { hosts.contains($0.hostID) }
                    table.add([
                        .init(site.name), .init("\(clouds.count)"), .init("\(hosts.count)"), .init("\(guests.count)"),
                    ])
                }
                console.print(table)
            }
        }
    }

    package struct Add: OperatorCommand {
        package static let configuration = CommandConfiguration(
            abstract: "Add a site.",
            discussion: """
                A host agent that registers brings its site along.

                EXAMPLES
                  bascule sites add berlin
                """)

        @Argument(help: "Name of the site.")
        var name: String

        @OptionGroup package var common: CommonOptions

        package init() {}

        package func perform(in session: OperatorSession) async throws {
            try await session.vault().createSite(named: name)
            try session.answer(Registry.Site(name: name)) { $0.print("Site \(name) added.") }
        }
    }

    package struct Remove: OperatorCommand {
        package static let configuration = CommandConfiguration(
            abstract: "Remove a site that has no clouds.",
            discussion: """
                EXAMPLES
                  bascule sites remove berlin
                """)

        @Argument(help: "Name of the site.")
        var name: String

        @OptionGroup package var common: CommonOptions

        package init() {}

        package func perform(in session: OperatorSession) async throws {
            try await session.vault().deleteSite(named: name)
            try session.answer(Registry.Site(name: name)) { $0.print("Site \(name) removed.") }
        }
    }
}
