import Foundation
import GRDB
import Testing

@testable import Vault

/// What only the store on a disk can do.
struct SQLiteVaultStoreTests {
    @Test func everythingIsThereAfterReopening() throws {
        try TemporaryDirectory.use { directory in
            let path = "\(directory)/vault.sqlite"
            let first = try SQLiteVaultStore(path: path)
            let changes = Array(VaultStoreContractTests.everyChange().prefix(9))
            let operation = CompletedOperation(identifier: [UInt8](repeating: 5, count: 16), answer: [1, 2, 3])
            try first.commit(
                VaultTransaction(
                    moment: VaultStoreContractTests.moment, changes: NumberedChange.numbering(changes, after: 0),
                    operation: operation))
            let before = try first.load()
            try first.close()

            let second = try SQLiteVaultStore(path: path)
            let after = try second.load()
            #expect(after.registry == before.registry && after.lastEventNumber == before.lastEventNumber)
            #expect(before.lastEventNumber == 8)
            #expect(try second.answer(to: operation.identifier) == [1, 2, 3])
            try second.close()
        }
    }

    @Test func secondVaultOnTheSameDatabaseIsRefused() throws {
        try TemporaryDirectory.use { directory in
            let first = try SQLiteVaultStore(path: "\(directory)/vault.sqlite")
            let error = #expect(throws: VaultError.self) { try SQLiteVaultStore(path: "\(directory)/vault.sqlite") }
            #expect(error?.code == .unavailable)
            try first.close()
        }
    }

    @Test func fileThatIsNoDatabaseIsRefusedAndLeftAlone() throws {
        try TemporaryDirectory.use { directory in
            let path = "\(directory)/vault.sqlite"
            let garbage = Data(repeating: 0x5A, count: 8_192)
            try garbage.write(to: URL(filePath: path))
            let error = #expect(throws: VaultError.self) { try SQLiteVaultStore(path: path) }
            #expect(error?.code == .corruptData)
            #expect(try Data(contentsOf: URL(filePath: path)) == garbage)
        }
    }

    @Test func directoryThatIsMissingIsSaid() throws {
        try TemporaryDirectory.use { directory in
            let error = #expect(throws: VaultError.self) { try SQLiteVaultStore(path: "\(directory)/no/vault.sqlite") }
            #expect(error?.code == .storage)
        }
    }

    @Test(arguments: [
        "UPDATE protection SET state = 'flying'", "UPDATE protection SET state_detail = 'seeding'",
        "UPDATE guest SET disks = '[{'", "UPDATE host SET id = name", "DELETE FROM identity",
        "UPDATE protection SET version = 0", "UPDATE protection SET active_side = 'target'",
        "UPDATE protection SET run = id", "UPDATE protection SET failover_cycle = 3",
        "UPDATE cloud_pair SET fence_action = 'bite'", "DELETE FROM host", "UPDATE cloud SET site = 'nowhere'",
    ])
    func contradictionIsFoundAtTheStart(damage: String) throws {
        try TemporaryDirectory.use { directory in
            let path = "\(directory)/vault.sqlite"
            let store = try SQLiteVaultStore(path: path)
            let changes = Array(VaultStoreContractTests.everyChange().prefix(8))
            try store.commit(VaultStoreContractTests.transaction(changes, after: 0))
            try store.close()
            try Self.damage(path, with: damage)

            let error = #expect(throws: VaultError.self) {
                let store = try SQLiteVaultStore(path: path)
                _ = try store.load()
            }
            #expect(error?.code == .corruptData)
        }
    }

    @Test func historiesAreBounded() throws {
        try TemporaryDirectory.use { directory in
            let path = "\(directory)/vault.sqlite"
            let store = try SQLiteVaultStore(path: path)
            try store.commit(VaultStoreContractTests.transaction([.site(Site(name: "a"))], after: 0))
            try store.close()
            // As if ten thousand events had been published, without publishing them.
            let bound = VaultLimits.maximumStoredEvents
            try Self.damage(
                path, with: "UPDATE event SET number = \(bound); UPDATE identity SET last_event_number = \(bound)")

            let again = try SQLiteVaultStore(path: path)
            let changes: [RegistryChange] = [.siteRemoved("a"), .site(Site(name: "b"))]
            try again.commit(VaultStoreContractTests.transaction(changes, after: bound))
            #expect(try again.events(limit: 10).map(\.number) == [bound, bound + 1, bound + 2])
            let many = (0..<bound).map { RegistryChange.site(Site(name: "s\($0 % 200)")) }
            try again.commit(VaultStoreContractTests.transaction(many, after: bound + 2))
            let kept = try again.events(limit: .max)
            #expect(kept.count == Int(bound) && kept.first?.number == bound + 3)
            try again.close()
        }
    }

    private static func damage(_ path: String, with sql: String) throws {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        try queue.writeWithoutTransaction { try $0.execute(sql: sql) }
        try queue.close()
    }
}
