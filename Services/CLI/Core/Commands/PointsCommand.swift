package import ArgumentParser
import Replica

/// `bascule points GUEST [--last N]`, or `bascule points --replica FOLDER`
package struct PointsCommand: OperatorCommand {
    package static let configuration = CommandConfiguration(
        commandName: "points", abstract: "List the recovery points of a guest, newest first.",
        discussion: """
            The first column is what --point takes; an identifier or a time do as well.

            EXAMPLES
              bascule points web1
              bascule points web1 --last 5 --json
              bascule points --replica /srv/replicas/ID     needs no service
            """)

    @Argument(help: "Guest, or identifier of the protection; leave it out with --replica.")
    var guest: String?

    @Option(help: ArgumentHelp("Read this replica directory, without any service.", valueName: "folder"))
    var replica: String?

    @Option(help: "Only the newest ones.")
    var last: Int?

    @OptionGroup package var common: CommonOptions

    package init() {}

    package func validate() throws {
        if (guest == nil) == (replica == nil) { throw ValidationError("Name a guest, or give --replica FOLDER.") }
        if let last, last < 1 { throw ValidationError("--last takes a number from 1.") }
    }

    private struct Document: Codable {
        var guest: String?
        var protection: String?
        var host: String?
        var replica: String?
        var points: [PointRecord]
        /// Why no point counts as verified; nil: it is known which do.
        var verificationFault: String?
    }

    package func perform(in session: OperatorSession) async throws {
        var document = Document(replica: replica, points: [])
        if let replica {
            document.points = try ReplicaServer.points(in: replica)
            document.verificationFault = ReplicaView.verificationFault(in: replica)
        } else {
            let registry = try await session.vault().registry()
            let protection = try registry.protection(named: guest ?? "")
            let host = try registry.targetHost(of: protection)
            document.guest = protection.guest
            document.protection = protection.id
            document.host = host.name
            let agent = try await session.agent(of: host)
            document.points = try await agent.points(of: protection.id)
            document.verificationFault = try await agent.replica(of: protection.id).verificationFault
        }
        let count = document.points.count
        document.points = Array(document.points.reversed().prefix(last ?? .max))
        try session.answer(document) { console in
            guard count > 0 else { return console.print("There is no recovery point yet.") }
            console.print(Self.table(of: document.points))
            if document.points.count < count { console.print("\(document.points.count) of \(count) points.") }
            if let fault = document.verificationFault {
                console.print("\(console.styled("warning", .warning)): no point counts as verified: \(fault)")
            }
        }
    }

    static func table(of points: [PointRecord]) -> Table {
        var table = Table([
            .init("POINT", .right), .init("CAPTURED"), .init("CONSISTENT"), .init("VERIFIED", rank: 2),
            .init("CHANGED", .right, rank: 1), .init("STORED", .right, rank: 1),
            .init("IDENTIFIER", minimum: 8, rank: 3),
        ])
        for point in points {
            table.add([
                .init("\(point.cycle)"), .init(HumanUnits.time(unixMilliseconds: point.capturedUnixMilliseconds)),
                .init(point.consistency.rawValue), Self.verification(of: point),
                .init(HumanUnits.bytes(point.changedBytes)),
                .init(point.storedBytes == 0 ? "in base" : HumanUnits.bytes(point.storedBytes)),
                .init(point.identifier, .dim),
            ])
        }
        return table
    }

    private static func verification(of point: PointRecord) -> Table.Cell {
        guard point.verified else { return .init("no", .dim) }
        return .init((point.verifiedBy ?? .unknown).words, .good)
    }
}
