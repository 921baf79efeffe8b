import Testing

@testable import Vault

struct InventoryTests {
    @Test func guestsComeChangeAndGo() throws {
        var fixture = try VaultFixture.paired()
        let (web, db) = (VaultFixture.guest("web"), VaultFixture.guest("db"))
        #expect(try fixture.report([web, db]).changes.map(\.kind) == ["guest", "guest"])
        var stopped = web
        stopped.power = .shutOff
        #expect(try fixture.report([stopped, db]).changes == [.guest(stopped)])
        #expect(try fixture.report([stopped]).changes == [.guestRemoved(db.key)])
        #expect(fixture.registry.guests(onHost: VaultFixture.primary) == [web.key.uuid: stopped])
    }

    @Test func unchangedReportIsOnlyAnObservation() throws {
        var fixture = try VaultFixture.paired()
        try fixture.report([VaultFixture.guest("web")])
        fixture.pass(milliseconds: 5_000)
        let decision = try fixture.report([VaultFixture.guest("web")])
        #expect(decision.isVolatile)
        #expect(
            fixture.registry.hosts[VaultFixture.primary]?.contact
                == .reachable(lastSeen: fixture.moment.unixMilliseconds))
    }

    @Test func olderAndRepeatedReportsAreIgnored() throws {
        var fixture = try VaultFixture.paired()
        let report = InventoryReport(
            hostID: VaultFixture.primary, sequence: 7, capacity: VaultFixture.capacity(),
            guests: [VaultFixture.guest("web")])
        try fixture.ask(.reportInventory(report))
        for sequence in [UInt64(7), 6, 1] {
            var old = report
            old.sequence = sequence
            old.guests = []
            #expect(try fixture.ask(.reportInventory(old)) == VaultDecision(answer: .duties([])))
        }
        #expect(fixture.registry.guestCount == 1)
    }

    @Test func registeringAgainCountsFromTheStart() throws {
        var fixture = try VaultFixture.paired()
        let report = InventoryReport(
            hostID: VaultFixture.primary, sequence: 900, capacity: VaultFixture.capacity(), guests: [])
        try fixture.ask(.reportInventory(report))
        try fixture.ask(.registerHost(VaultFixture.registration(VaultFixture.primary, "primary")))
        var first = report
        first.sequence = 1
        first.guests = [VaultFixture.guest("web")]
        #expect(try fixture.ask(.reportInventory(first)).changes.count == 1)
    }

    @Test func capacityIsPublishedWhenItMovedNoticeably() throws {
        var fixture = try VaultFixture.paired()
        let step: UInt64 = 10 << 30
        var published = 0
        for count in 1...10 {
            let capacity = VaultFixture.capacity(replicaFreeBytes: (500 << 30) - UInt64(count) * step)
            published += try fixture.report([], capacity: capacity).changes.count
            #expect(fixture.registry.hosts[VaultFixture.primary]?.capacity == capacity)
        }
        // 16 GiB of 1 TiB is one 64th: every second step of 10 GiB crosses it.
        #expect(published == 5)
    }

    @Test func badReportsAreRefused() throws {
        var fixture = try VaultFixture.paired()
        let good = InventoryReport(
            hostID: VaultFixture.primary, sequence: 1, capacity: VaultFixture.capacity(),
            guests: [VaultFixture.guest("web")])
        func expect(_ code: VaultError.Code, _ change: (inout InventoryReport) -> Void) {
            var report = good
            change(&report)
            #expect(fixture.refusal(of: .reportInventory(report))?.code == code)
        }
        expect(.notFound) { $0.hostID = VaultFixture.identifier(99) }
        expect(.invalidArgument) { $0.sequence = 0 }
        expect(.invalidArgument) { $0.guests.append(VaultFixture.guest("web")) }
        expect(.invalidArgument) { $0.guests = [VaultFixture.guest("web", on: VaultFixture.secondary)] }
        expect(.invalidArgument) { $0.guests[0].name = "" }
        expect(.invalidArgument) { $0.guests[0].name = "a\u{1B}b" }
        expect(.invalidArgument) { $0.guests[0].name = String(repeating: "a", count: 256) }
        expect(.invalidArgument) { $0.guests[0].definitionDigest = [UInt8](repeating: 0, count: 65) }
        expect(.resourceExhausted) {
            $0.guests[0].disks = Array(repeating: $0.guests[0].disks[0], count: VaultLimits.maximumDisksPerGuest + 1)
        }
        expect(.resourceExhausted) {
            $0.guests[0].findings = Array(
                repeating: VaultFixture.rawDisk, count: VaultLimits.maximumFindingsPerGuest + 1)
        }
        expect(.resourceExhausted) {
            $0.guests = (0...VaultLimits.maximumGuestsPerHost).map { VaultFixture.guest("g\($0)") }
        }
    }

    @Test func bytesOfAllGuestsAreBounded() throws {
        var fixture = try VaultFixture.paired()
        let guests = (0..<400).map { number in
            var guest = VaultFixture.guest("g\(number)")
            guest.disks = (0..<8).map {
                GuestDisk(
                    target: "vd\($0)", sizeBytes: 1, format: "qcow2", source: String(repeating: "p", count: 4_000))
            }
            return guest
        }
        let report = InventoryReport(
            hostID: VaultFixture.primary, sequence: 1, capacity: VaultFixture.capacity(), guests: guests)
        #expect(fixture.refusal(of: .reportInventory(report))?.code == .resourceExhausted)
    }

    @Test func hugeSizesDoNotTrap() throws {
        var fixture = try VaultFixture.paired()
        var guest = VaultFixture.guest("web", diskBytes: .max)
        guest.disks.append(guest.disks[0])
        guest.memoryBytes = .max
        try fixture.report([guest])
        #expect(guest.diskBytes == .max)
        #expect(fixture.refusal(of: .protect(VaultFixture.protect("web")))?.code == .unavailable)
    }

    @Test func renamedGuestRenamesItsProtection() throws {
        var fixture = try VaultFixture.protecting()
        var renamed = VaultFixture.guest("web")
        renamed.name = "www"
        let version = fixture.protection.version
        #expect(try fixture.report([renamed]).changes.map(\.kind) == ["guest", "protection"])
        #expect(fixture.protection.guestName == "www" && fixture.protection.version == version + 1)
    }

    @Test func protectionOutlivesTheGuestsAbsence() throws {
        var fixture = try VaultFixture.protecting()
        try fixture.report([])
        #expect(fixture.registry.protections.count == 1)
        try fixture.change(to: .seeding)
    }
}
