import Foundation
import LocalSites
import MessageBus
import Messages
import TestGuest
import Testing

/// What protects guests without an operator standing by: a time for first copies, and a cloud whose later guests are
/// protected, too. Everything is asked with `bascule`.
@Suite(.serialized, .enabled(if: Prerequisites.met, "\(Prerequisites.missing ?? "")"))
struct ProtectTests {
    /// Protected by day, copied by night: before the time that the policy names, and that may be changed, the guest is left
    /// alone.
    @Test(.timeLimit(.minutes(4)))
    func theFirstCopyBeginsAtTheTimeThatThePolicyNames() async throws {
        try await Scenario.run("at", disks: [48 << 20], recordsPerSecond: 50, recordAreaBytes: 32 << 20) { two, guest in
            try await Self.waitForGuest(guest.name, in: two)
            let far = try await Self.startCopies(in: 600, two)
            try await two.bascule("protect", guest.name)
            let protection = try #require(
                try await two.client.snapshot().protections.first { $0.guestName == guest.name }?.id)
            for _ in 0..<5 { try await Self.expectLeftAlone(until: far, guest, protection, two) }

            // Sooner after all.
            let start = try await Self.startCopies(in: 6, two)
            let told = Date.now
            while Date.now < start { try await Self.expectLeftAlone(until: start, guest, protection, two) }
            try await two.client.waitForPoint(after: 0, of: protection, within: .seconds(60))
            let first = try #require(try await two.client.points(protection).first)
            let captured = Date(timeIntervalSince1970: Double(first.capturedUnixMs) / 1_000)
            print("at: the first capture came \(Int(captured.timeIntervalSince(start) * 1_000)) ms after its time")
            #expect(captured >= start)
            #expect(captured < max(start, told).addingTimeInterval(15))
            try await two.quiesce(protection)
            #expect(try await two.comparePoints(of: protection, disks: ["vda"]).faults == [])
            #expect(guest.console.writeErrors == [])
        }
    }

    /// A guest that appears in a protected cloud is protected when the pair says so, and else only listed.
    @Test(.timeLimit(.minutes(4)))
    func aGuestThatAppearsLaterIsProtectedByItself() async throws {
        try await Scenario.run(
            "auto", disks: [48 << 20], recordsPerSecond: 50, recordAreaBytes: 32 << 20, withOracle: false
        ) { two, guest in
            try await Self.waitForGuest(guest.name, in: two)
            try await two.bascule("pair", "primary-cloud", "secondary-cloud", "--auto-protect")
            let said = try await two.bascule("protect", "--cloud", "primary-cloud")
            #expect(said.contains("\(guest.name): protected"), "\(said)")

            let later = Self.guest("bsc-later", beside: guest, in: two)
            do {
                try await later.bringUp()
                let protection = try await eventually("the later guest is protected", within: .seconds(30)) {
                    try await two.client.snapshot().protections.first { $0.guestName == later.name }?.id
                }
                let committed = try await eventually("it writes", within: .seconds(30)) {
                    later.console.lastCommitted > 0 ? later.console.lastCommitted : nil
                }
                let seeded = try await two.client.waitForPoint(after: 0, of: protection, within: .seconds(90))
                // The one that is being made may have been begun before.
                let newest = try await two.client.waitForPoint(
                    after: seeded + 1, of: protection, within: .seconds(90))
                #expect(try await two.newestRecord(of: later, protection: protection, cycle: newest) >= committed)
                #expect(try await two.bascule("audit").contains("auto_protect"))

                try await two.bascule("pair", "primary-cloud", "secondary-cloud", "--no-auto-protect")
                try await Self.expectListedOnly("bsc-last", beside: guest, in: two)
                #expect(later.console.writeErrors == [] && guest.console.writeErrors == [])
            } catch {
                await later.remove()
                throw error
            }
            await later.remove()
        }
    }

    /// - Returns: the time, in whole seconds, as the command takes it.
    private static func startCopies(in seconds: Double, _ two: TwoSites) async throws -> Date {
        let start = Date(timeIntervalSince1970: (Date.now.timeIntervalSince1970 + seconds).rounded(.up))
        try await two.bascule("policy", "set", "end-to-end", "--start-at", start.formatted(.iso8601))
        return start
    }

    /// What is seen counts only when it is still too early afterwards.
    private static func expectLeftAlone(
        until start: Date, _ guest: TestGuest, _ protection: String, _ two: TwoSites
    ) async throws {
        let status = try await two.client.status(protection)
        let checkpoints = try await guest.checkpoints
        guard Date.now < start else { return }
        #expect(status?.cycleOpen != true && status?.newestCycle ?? 0 == 0, "\(String(describing: status))")
        #expect(checkpoints == [])
        // Looked at this seldom because each look starts a program.
        try await Task.sleep(for: .milliseconds(200))
    }

    /// It is never started: a guest that is shut off is in the inventory, and would be protected, too.
    private static func expectListedOnly(_ name: String, beside guest: TestGuest, in two: TwoSites) async throws {
        let last = Self.guest(name, beside: guest, in: two)
        do {
            try last.createDisks()
            try await last.define()
            try await waitForGuest(name, in: two)
            // The vault decides with the report that brings the guest, so there is nothing more to wait for.
            #expect(try await two.client.snapshot().protections.allSatisfy { $0.guestName != name })
        } catch {
            await last.remove()
            throw error
        }
        await last.remove()
    }

    private static func guest(_ name: String, beside guest: TestGuest, in two: TwoSites) -> TestGuest {
        TestGuest(
            name: name, folder: "\(two.sites.options.root)/\(name)", image: guest.image,
            disks: [.init(sizeBytes: 48 << 20)], recordAreaBytes: 32 << 20, recordsPerSecond: 50)
    }

    private static func waitForGuest(_ name: String, in two: TwoSites) async throws {
        _ = try await eventually("\(name) is in the inventory", within: .seconds(30)) {
            try await two.client.snapshot().guests.contains { $0.name == name } ? true : nil
        }
    }
}
