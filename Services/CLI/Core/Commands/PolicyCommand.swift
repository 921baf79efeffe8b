package import ArgumentParser

/// `bascule policy [list | show | set | assign | delete]`
package struct PolicyCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "List, show, set, assign or delete policies.",
        discussion: """
            A policy says how often a guest is copied, how long points are kept, how
            consistent they are and how fast they travel. It is bound to a pair of clouds
            (bascule pair --policy), and one guest can have its own.

            EXAMPLES
              bascule policy set every-30s --frequency 30s
              bascule policy set gold --frequency 1s --keep-all 1h --keep-daily 30d
              bascule policy set night --start-at 2026-11-23T22:00:00 --bandwidth 20MiB
              bascule policy set day --bandwidth-at "mon-fri 8-18 5MiB"
              bascule policy assign gold --guest db1
            """,
        subcommands: [List.self, Show.self, Set.self, Assign.self, Delete.self], defaultSubcommand: List.self)

    package init() {}

    package struct List: OperatorCommand {
        package static let configuration = CommandConfiguration(
            abstract: "List the policies (default).",
            discussion: """
                EXAMPLES
                  bascule policy list
                  bascule policy list --json | jq .policies
                """)

        @OptionGroup package var common: CommonOptions

        package init() {}

        private struct Document: Codable {
            var policies: [PolicyRecord]
        }

        package func perform(in session: OperatorSession) async throws {
            let policies = try await session.policy().policies()
            try session.answer(Document(policies: policies)) { console in
                guard !policies.isEmpty else {
                    return console.print("No policy yet. Make one: bascule policy set every-30s --frequency 30s")
                }
                console.print(Self.table(of: policies))
            }
        }

        static func table(of policies: [PolicyRecord]) -> Table {
            var table = Table([
                .init("POLICY", minimum: 8), .init("EVERY", .right), .init("KEEP ALL", .right),
                .init("HOURLY", .right, rank: 2), .init("DAILY", .right, rank: 2),
                .init("APPLICATION", .right, rank: 3), .init("COMPRESSION", rank: 4),
                .init("BANDWIDTH", .right, rank: 3),
            ])
            for policy in policies {
                table.add([
                    .init(policy.name), .init(HumanUnits.span(seconds: policy.frequencySeconds)),
                    .init(HumanUnits.span(seconds: policy.keepAllSeconds)),
                    .init(HumanUnits.span(seconds: policy.keepHourlySeconds)),
                    .init(HumanUnits.span(seconds: policy.keepDailySeconds)),
                    .init(HumanUnits.span(seconds: policy.applicationConsistentSeconds)),
                    .init(policy.compression.rawValue),
                    .init(
                        (policy.bandwidthBytesPerSecond == 0
                            ? "unlimited" : HumanUnits.rate(policy.bandwidthBytesPerSecond))
                            + (policy.bandwidthSchedule.isEmpty ? "" : ", by hour")),
                ])
            }
            return table
        }
    }

    package struct Show: OperatorCommand {
        package static let configuration = CommandConfiguration(
            abstract: "Show one policy in full.",
            discussion: """
                EXAMPLES
                  bascule policy show gold
                """)

        @Argument(help: "Name of the policy.")
        var name: String

        @OptionGroup package var common: CommonOptions

        package init() {}

        package func perform(in session: OperatorSession) async throws {
            let policy = try await session.policy().policy(named: name)
            try session.answer(policy) { console in
                for line in policy.sentences { console.print(line) }
            }
        }
    }

    package struct Assign: OperatorCommand {
        package static let configuration = CommandConfiguration(
            commandName: "assign", abstract: "Give one guest a policy of its own, or take it back to its pair's.",
            discussion: """
                EXAMPLES
                  bascule policy assign gold --guest db1
                  bascule policy assign --as-pair --guest db1
                """)

        @Argument(help: "Name of the policy; leave it out with --as-pair.")
        var name: String?

        @Option(help: "Guest, or identifier of the protection.")
        var guest: String

        @Flag(help: "Back to the policy of the pair of clouds.")
        var asPair = false

        @OptionGroup package var common: CommonOptions

        package init() {}

        package func validate() throws {
            if (name == nil) != asPair { throw ValidationError("Name a policy, or give --as-pair.") }
        }

        package func perform(in session: OperatorSession) async throws {
            // A name nobody has would only be noticed at the next cycle.
            if let name { _ = try await session.policy().policy(named: name) }
            let vault = try await session.vault()
            var protection = try await vault.registry().protection(named: guest)
            try await vault.overridePolicy(of: protection.id, with: name)
            protection.policyOverride = name ?? ""
            try session.answer(protection) { console in
                console.print("\(protection.guest): policy \(name ?? "of its pair of clouds").")
            }
        }
    }

    package struct Delete: OperatorCommand {
        package static let configuration = CommandConfiguration(
            commandName: "delete", abstract: "Delete a policy that nothing uses.",
            discussion: """
                EXAMPLES
                  bascule policy delete gold
                """)

        @Argument(help: "Name of the policy.")
        var name: String

        @OptionGroup package var common: CommonOptions

        package init() {}

        private struct Document: Codable {
            var deleted: String
        }

        package func perform(in session: OperatorSession) async throws {
            try await session.policy().delete(named: name)
            try session.answer(Document(deleted: name)) { $0.print("Policy \(name) deleted.") }
        }
    }
}
