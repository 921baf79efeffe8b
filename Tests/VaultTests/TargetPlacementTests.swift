import Testing

@testable import Vault

struct TargetPlacementTests {
    static func hosts(_ count: UInt64) throws -> VaultFixture {
        var fixture = try VaultFixture.paired()
        for number in 1...count {
            let registration = VaultFixture.registration(
                VaultFixture.identifier(100 + number), "target\(number)", cloud: "secondary-cloud", site: "secondary")
            try fixture.ask(.registerHost(registration))
        }
        try fixture.ask(.removeHost(id: VaultFixture.secondary))
        return fixture
    }

    static func chosen(_ fixture: VaultFixture, _ guest: Guest = VaultFixture.guest("web")) throws -> String {
        try TargetPlacement(registry: fixture.registry, guest: guest).choose(inCloud: "secondary-cloud").name
    }

    @Test func mostFreeSpaceWins() throws {
        var fixture = try Self.hosts(3)
        for (number, free) in [(UInt64(1), UInt64(400)), (2, 600), (3, 500)] {
            try fixture.report(
                [], on: VaultFixture.identifier(100 + number),
                capacity: VaultFixture.capacity(replicaFreeBytes: free << 30))
        }
        #expect(try Self.chosen(fixture) == "target2")
    }

    @Test func hostThatCouldStartTheGuestComesBeforeMoreSpace() throws {
        var fixture = try Self.hosts(2)
        try fixture.report(
            [], on: VaultFixture.identifier(101),
            capacity: VaultFixture.capacity(memoryFreeBytes: 1 << 30, replicaFreeBytes: 900 << 30))
        #expect(try Self.chosen(fixture) == "target2")
    }

    @Test func spaceThatFirstCopiesWillFillCountsAsTaken() throws {
        var fixture = try Self.hosts(2)
        let guests = (0..<4).map { VaultFixture.guest("g\($0)", diskBytes: 100 << 30) }
        try fixture.report(guests)
        try fixture.ask(.protectCloud(sourceCloud: "primary-cloud", targetCloud: nil))
        let perHost = Dictionary(grouping: fixture.registry.protections.values, by: \.targetHostID).mapValues(\.count)
        #expect(perHost == [VaultFixture.identifier(101): 2, VaultFixture.identifier(102): 2])
    }

    @Test func emptyCloudAndCloudOfUnfitHostsAreSaidApart() throws {
        var fixture = try Self.hosts(1)
        try fixture.report([], on: VaultFixture.identifier(101), capacity: VaultFixture.capacity(replicaFreeBytes: 0))
        let full = #expect(throws: VaultError.self) { try Self.chosen(fixture) }
        #expect(full?.message.contains("target1 is out of space") == true)
        try fixture.ask(.removeHost(id: VaultFixture.identifier(101)))
        let empty = #expect(throws: VaultError.self) { try Self.chosen(fixture) }
        #expect(empty?.message == "Cloud secondary-cloud has no host.")
    }

    @Test func guestThatNoHostCouldEverStartIsRefused() throws {
        let fixture = try Self.hosts(1)
        var guest = VaultFixture.guest("web")
        guest.memoryBytes = 129 << 30
        #expect(throws: VaultError.self) { try Self.chosen(fixture, guest) }
    }
}
