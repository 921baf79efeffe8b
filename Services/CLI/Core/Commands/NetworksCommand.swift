package import ArgumentParser

/// `bascule networks [list | set | remove]`
package struct NetworksCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "networks", abstract: "List, set or remove what networks become at the other site.",
        discussion: """
            A mapping belongs to a pair of clouds, and says for a network or bridge of the
            source which bridge a guest is connected to at the target: after a failover,
            and in a test. A device without a mapping starts with its link down.

            EXAMPLES
              bascule networks
              bascule networks set gold gold-dr br-prod --target br-dr --test br-lab
              bascule networks remove gold gold-dr br-prod
            """,
        subcommands: [List.self, Set.self, Remove.self], defaultSubcommand: List.self)

    package init() {}

    package struct List: OperatorCommand {
        package static let configuration = CommandConfiguration(
            abstract: "List the mappings (default).",
            discussion: """
                EXAMPLES
                  bascule networks list
                """)

        @OptionGroup package var common: CommonOptions

        package init() {}

        private struct Document: Codable {
            var pairs: [Registry.Pair]
        }

        package func perform(in session: OperatorSession) async throws {
            let pairs = try await session.vault().registry().pairs
            try session.answer(Document(pairs: pairs)) { console in
                guard pairs.contains(where: { !$0.networks.isEmpty }) else {
                    return console.print(
                        "No mapping yet: guests would start with their links down. Set one: bascule networks set --help"
                    )
                }
                console.print(Self.table(of: pairs))
            }
        }

        static func table(of pairs: [Registry.Pair]) -> Table {
            var table = Table([
                .init("FROM", minimum: 6), .init("TO", minimum: 6), .init("NETWORK", minimum: 8),
                .init("AFTER A FAILOVER", minimum: 9), .init("IN A TEST", minimum: 9),
            ])
            for pair in pairs {
                for network in pair.networks {
                    table.add([
                        .init(pair.source), .init(pair.target), .init(network.source), Self.cell(network.target),
                        Self.cell(network.testTarget),
                    ])
                }
            }
            return table
        }

        private static func cell(_ bridge: String) -> Table.Cell {
            bridge.isEmpty ? .init("link down", .dim) : .init(bridge)
        }
    }

    package struct Set: OperatorCommand {
        package static let configuration = CommandConfiguration(
            abstract: "Map a network; what is not given stays as it is.",
            discussion: """
                none as a bridge means: link down.

                EXAMPLES
                  bascule networks set gold gold-dr br-prod --target br-dr --test br-lab
                  bascule networks set gold gold-dr default --test none
                """)

        @OptionGroup var pair: PairArguments

        @Option(help: ArgumentHelp("Bridge after a failover, or none.", valueName: "bridge"))
        var target: String?

        @Option(help: ArgumentHelp("Bridge in a test failover, or none.", valueName: "bridge"))
        var test: String?

        @OptionGroup package var common: CommonOptions

        package init() {}

        package func validate() throws {
            if target == nil && test == nil { throw ValidationError("Give --target, --test, or both.") }
        }

        package func perform(in session: OperatorSession) async throws {
            let vault = try await session.vault()
            var changed = try await pair.find(in: vault)
            let position = changed.networks.firstIndex { $0.source == pair.network } ?? changed.networks.endIndex
            if position == changed.networks.endIndex {
                guard changed.networks.count < OperatorLimits.networksOfAPair else {
                    throw OperatorError(
                        .refused, "\(pair.source) → \(pair.target) has \(changed.networks.count) mappings already",
                        remedy: "remove one: bascule networks remove \(pair.source) \(pair.target) NETWORK")
                }
                changed.networks.append(.init(source: pair.network, target: "", testTarget: ""))
            }
            if let target { changed.networks[position].target = target == "none" ? "" : target }
            if let test { changed.networks[position].testTarget = test == "none" ? "" : test }
            try await vault.pair(changed)
            let network = changed.networks[position]
            try session.answer(changed) { console in
                console.print(
                    "\(pair.source) → \(pair.target): \(network.source) becomes "
                        + "\(network.target.isEmpty ? "link down" : network.target) after a failover, "
                        + "\(network.testTarget.isEmpty ? "link down" : network.testTarget) in a test.")
            }
        }
    }

    package struct Remove: OperatorCommand {
        package static let configuration = CommandConfiguration(
            abstract: "Remove a mapping.",
            discussion: """
                EXAMPLES
                  bascule networks remove gold gold-dr br-prod
                """)

        @OptionGroup var pair: PairArguments
        @OptionGroup package var common: CommonOptions

        package init() {}

        package func perform(in session: OperatorSession) async throws {
            let vault = try await session.vault()
            var changed = try await pair.find(in: vault)
            guard let position = changed.networks.firstIndex(where: { $0.source == pair.network }) else {
                throw OperatorError(
                    .notFound, "\(pair.source) → \(pair.target) has no mapping of \"\(pair.network)\"",
                    remedy: "see them all: bascule networks")
            }
            changed.networks.remove(at: position)
            try await vault.pair(changed)
            try session.answer(changed) {
                $0.print("\(pair.source) → \(pair.target): \(pair.network) is no longer mapped.")
            }
        }
    }

    /// Which mapping is meant.
    package struct PairArguments: ParsableArguments {
        @Argument(help: "Cloud whose guests are protected.")
        var source: String

        @Argument(help: "Cloud whose hosts keep the replicas.")
        var target: String

        @Argument(help: "Network, bridge or host device that guests have at the source.")
        var network: String

        package init() {}

        /// - Throws: `OperatorError` with code `notFound`.
        func find(in vault: VaultClient) async throws -> Registry.Pair {
            let pairs = try await vault.registry().pairs
            guard let found = pairs.first(where: { $0.source == source && $0.target == target }) else {
                throw OperatorError(
                    .notFound, "\(source) and \(target) are not paired",
                    remedy: "pair them: bascule pair \(source) \(target)")
            }
            return found
        }
    }
}
