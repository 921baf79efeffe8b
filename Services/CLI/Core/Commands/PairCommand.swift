package import ArgumentParser

/// `bascule pair SOURCE TARGET [--policy P] [--auto-protect | --list-only]`
package struct PairCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "pair", abstract: "Pair a source cloud with the target cloud its guests replicate to.",
        discussion: """
            The pair carries the policy and the placement of every guest protected between
            the two. Repeating the command changes the pair; what is not given stays as it
            is.

            EXAMPLES
              bascule pair gold gold-dr --policy every-30s
              bascule pair gold gold-dr --auto-protect      new guests, too
            """)

    @Argument(help: "Cloud whose guests are protected.")
    var source: String

    @Argument(help: "Cloud whose hosts keep the replicas.")
    var target: String

    @Option(help: "Policy of every guest protected between them.")
    var policy: String?

    @Flag(inversion: .prefixedNo, help: "Protect guests that appear later, or only list them as unprotected.")
    var autoProtect: Bool?

    @OptionGroup package var common: CommonOptions

    package init() {}

    package func perform(in session: OperatorSession) async throws {
        let vault = try await session.vault()
        let known = try await vault.registry().pairs.first { $0.source == source && $0.target == target }
        var pair =
            known ?? Registry.Pair(source: source, target: target, policy: "", autoProtect: false, protectAll: false)
        if let policy { pair.policy = policy }
        if let autoProtect { pair.autoProtect = autoProtect }
        try await vault.pair(pair)
        try session.answer(pair) { console in
            console.print(
                "\(source) → \(target): policy \(pair.policy.isEmpty ? "none yet" : pair.policy); new guests are "
                    + (pair.autoProtect ? "protected by themselves." : "listed as unprotected."))
        }
    }
}
