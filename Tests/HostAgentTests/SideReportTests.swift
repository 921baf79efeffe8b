import BlockDevice
import GRDB
import Hypervisor
import Logging
import Messages
import Synchronization
import Testing

@testable import HostAgent

/// What a host tells of all its sides with each report.
@Suite struct SideReportTests {
    private static let logger = Logger(label: "sides") { _ in SwiftLogNoOpLogHandler() }

    private func withDescriptions(
        _ body: (AgentStore, SideRole, SideDescriptions) async throws -> Void
    ) async throws {
        try await withTemporaryDirectory { directory in
            let settings = HostAgentSettings(
                name: "host", site: "site", cloud: "cloud", state: directory, listen: "tcp://127.0.0.1:*",
                bulkListen: "tcp://127.0.0.1:*", vault: "tcp://127.0.0.1:1", replicas: "\(directory)/replicas")
            let store = try AgentStore(path: settings.databasePath)
            let hypervisor = InMemoryHypervisor()
            let sides = SideRole(store: store, hypervisor: hypervisor, logger: Self.logger)
            let views = ViewSupervisor(
                store: store, directory: settings.viewsDirectory, plugin: settings.nbdkitPlugin, logger: Self.logger)
            let target = TargetRole(
                store: store, replicas: settings.replicas, views: views, space: settings.space, logger: Self.logger)
            let source = SourceRole(store: store, hypervisor: hypervisor, sides: sides, hook: nil, logger: Self.logger)
            let started = StartedRole(
                settings: settings, target: target, source: source, sides: sides,
                views: GuestViews(
                    plugin: settings.nbdkitPlugin, ownedByEmulator: settings.capturesDirectory, logger: Self.logger),
                hypervisor: hypervisor, store: store, logger: Self.logger, reach: { _ in })
            try await body(
                store, sides,
                SideDescriptions(sides: sides, target: target, started: started, hypervisor: hypervisor))
        }
    }

    private static func guest(_ cycle: UInt64) -> StartedGuest {
        StartedGuest(
            uuid: "g", name: "web", cycle: cycle, startMilliseconds: 1, runningUnixMilliseconds: 2, warnings: [])
    }

    private static func side(
        _ generation: UInt64, _ standing: SideStateMachine.Standing
    ) -> SideStateMachine {
        SideStateMachine(
            guest: "g", generation: generation, standing: standing, activeHost: "", autostart: .untouched,
            links: .untouched)
    }

    /// Only the active side of the same generation says from which point its guest runs.
    @Test func aGuestOnItsOwnDisksIsToldByTheSideThatStartedIt() async throws {
        try await withDescriptions { store, sides, descriptions in
            let known: [(String, SideStateMachine)] = [
                ("a", Self.side(3, .active)), ("b", Self.side(4, .active)), ("c", Self.side(3, .passive(.alarm))),
                ("d", Self.side(3, .active)),
            ]
            for (protection, side) in known { try await store.save(side, of: protection) }
            for (number, protection) in ["a", "b", "c", "e"].enumerated() {
                try await store.save(
                    AgentStore.StartedOnBase(
                        protection: protection, generation: 3, guest: Self.guest(UInt64(number + 1))))
            }
            try await sides.load()
            let reports = try await descriptions.reports()
            #expect(reports.map(\.protection) == ["a", "b", "c", "d"])
            #expect(reports.map(\.cycle) == [1, 0, 0, 0])
            #expect(reports.map(\.active) == [true, true, false, true])
            #expect(reports.map(\.generation) == [3, 4, 3, 3])
        }
    }

    private final class Statements: Sendable {
        let texts = Mutex<[String]>([])
    }

    @Test func theDatabaseIsReadOnceForAllOfThem() async throws {
        try await withDescriptions { store, sides, descriptions in
            for number in 0..<40 {
                try await store.save(Self.side(3, .active), of: "p\(number)")
                try await store.save(
                    AgentStore.StartedOnBase(protection: "p\(number)", generation: 3, guest: Self.guest(7)))
            }
            try await sides.load()
            let statements = Statements()
            try await store.database.write { database in
                database.trace { event in statements.texts.withLock { $0.append("\(event)") } }
            }
            statements.texts.withLock { $0 = [] }
            let reports = try await descriptions.reports()
            #expect(reports.count == 40 && reports.allSatisfy { $0.cycle == 7 })
            let reads = statements.texts.withLock { $0.filter { $0.hasPrefix("SELECT") } }
            #expect(reads.count == 1, "\(reads)")
        }
    }
}
