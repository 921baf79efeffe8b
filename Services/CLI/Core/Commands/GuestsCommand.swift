package import ArgumentParser

/// `bascule guests [--host HOST] [--unprotected]`
package struct GuestsCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "guests", abstract: "List guests, whether they are protected, and what would keep them from it.",
        discussion: """
            EXAMPLES
              bascule guests
              bascule guests --unprotected --json
            """)

    @Option(help: "Only those of one host.")
    var host: String?

    @Flag(help: "Only those that are not protected.")
    var unprotected = false

    @OptionGroup package var common: CommonOptions

    package init() {}

    private struct Document: Codable {
        struct Row: Codable {
            var guest: Registry.Guest
            var host: String
            /// Left out when the guest is not protected.
            var protection: Registry.Protection?
        }
        var guests: [Row]
    }

    package func perform(in session: OperatorSession) async throws {
        let registry = try await session.vault().registry()
        let wanted = try host.map { try registry.host(named: $0).id }
        let guests = registry.guests.filter { guest in
            (wanted == nil || guest.hostID == wanted) && !(unprotected && registry.protection(of: guest) != nil)
        }
        let rows = guests.map { guest in
            Document.Row(
                guest: guest, host: registry.hostName(guest.hostID), protection: registry.protection(of: guest))
        }
        try session.answer(Document(guests: rows)) { console in
            guard !guests.isEmpty else {
                return console.print(
                    unprotected
                        ? "Every guest is protected." : "No guest is known. See that the hosts are there: bascule hosts"
                )
            }
            console.print(Self.table(of: guests, in: registry))
            for guest in guests {
                for finding in guest.findings {
                    let mark =
                        finding.blocking
                        ? console.styled("cannot be protected", .bad) : console.styled("note", .warning)
                    console.print("  \(guest.name): \(mark): \(finding.message) \(finding.remedy)")
                }
            }
        }
    }

    static func table(of guests: [Registry.Guest], in registry: Registry) -> Table {
        var table = Table([
            .init("GUEST", minimum: 8), .init("HOST", minimum: 6), .init("POWER"), .init("CPUS", .right, rank: 4),
            .init("MEMORY", .right, rank: 3), .init("DISKS", .right), .init("SIZE", .right), .init("PROTECTION"),
            .init("FINDINGS", rank: 2),
        ])
        for guest in guests {
            let protection = registry.protection(of: guest)
            let blocking = guest.findings.filter(\.blocking).count
            table.add([
                .init(guest.name), .init(registry.hostName(guest.hostID)),
                .init(guest.power.words, guest.power == .running ? .plain : .dim), .init("\(guest.virtualCPUs)"),
                .init(HumanUnits.bytes(guest.memoryBytes)), .init("\(guest.disks.count)"),
                .init(HumanUnits.bytes(guest.diskBytes)),
                protection.map { .init($0.state.words, $0.state == .protected ? .good : .warning) }
                    ?? .init("none", .dim),
                blocking > 0
                    ? .init("\(blocking) blocking", .bad)
                    : guest.findings.isEmpty ? .init("–", .dim) : .init("\(guest.findings.count)", .warning),
            ])
        }
        return table
    }
}
