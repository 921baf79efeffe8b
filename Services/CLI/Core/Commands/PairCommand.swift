package import ArgumentParser

/// `bascule pair SOURCE TARGET [--policy P] [--auto-protect] [--fence ACTION]`
package struct PairCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "pair", abstract: "Pair a source cloud with the target cloud its guests replicate to.",
        discussion: """
            The pair carries the policy and the placement of every guest protected between
            the two. Repeating the command changes the pair; what is not given stays as it
            is. --fence says what happens to a guest that still runs on the side that
            lost it, for example when a site comes back after a disaster: an alarm alone,
            its network links taken down, or a shutdown.

            EXAMPLES
              bascule pair gold gold-dr --policy every-30s
              bascule pair gold gold-dr --auto-protect      new guests, too
              bascule pair gold gold-dr --fence shut-down
            """)

    @Argument(help: "Cloud whose guests are protected.")
    var source: String

    @Argument(help: "Cloud whose hosts keep the replicas.")
    var target: String

    @Option(help: "Policy of every guest protected between them.")
    var policy: String?

    @Flag(inversion: .prefixedNo, help: "Protect guests that appear later, or only list them as unprotected.")
    var autoProtect: Bool?

    @Option(help: ArgumentHelp("alarm, disconnect or shut-down.", valueName: "action"))
    var fence: String?

    @OptionGroup package var common: CommonOptions

    package init() {}

    package func perform(in session: OperatorSession) async throws {
        let action = try fence.map(Self.fence)
        let vault = try await session.vault()
        let known = try await vault.registry().pairs.first { $0.source == source && $0.target == target }
        var pair =
            known ?? Registry.Pair(source: source, target: target, policy: "", autoProtect: false, protectAll: false)
        if let policy { pair.policy = policy }
        if let autoProtect { pair.autoProtect = autoProtect }
        if let action { pair.fence = action }
        try await vault.pair(pair)
        try session.answer(pair) { console in
            console.print(
                "\(source) → \(target): policy \(pair.policy.isEmpty ? "default" : pair.policy); new guests are "
                    + (pair.autoProtect ? "protected by themselves; " : "listed as unprotected; ")
                    + "a guest on the side that lost it: \(pair.fence.words).")
        }
    }

    /// - Throws: `OperatorError` with code `usage`.
    private static func fence(_ text: String) throws -> Registry.Fence {
        guard let action = Registry.Fence.allCases.first(where: { $0.words == text }) else {
            let actions = Registry.Fence.allCases.map(\.words).joined(separator: ", ")
            throw OperatorError(.usage, "\"\(text)\" is no way to fence a guest", remedy: "one of: \(actions)")
        }
        return action
    }
}
