import BlockDevice
import Testing

@testable import Hypervisor

struct InMemoryHypervisorTests {
    private let guest = "0f1e2d3c-0000-4000-8000-000000000001"
    private let block = SparseBytes.blockBytes

    private func make(disks: [(target: String, sizeBytes: UInt64)] = [("vda", 4 << 20)]) -> (InMemoryHypervisor, Cycles)
    {
        let driver = InMemoryHypervisor()
        driver.addGuest(name: "web", uuid: guest, disks: disks)
        return (driver, Cycles(guest: guest, driver: driver))
    }

    private func contents(_ disk: CapturedDisk, _ driver: InMemoryHypervisor) async throws -> [UInt8] {
        let reader = try await driver.connector.connect(
            uri: disk.nbdURI, contexts: disk.bitmapContext.map { [$0] } ?? [])
        var bytes: [UInt8] = []
        try await reader.read([0..<reader.sizeBytes], options: ReadOptions()) { bytes += $1 }
        return bytes
    }

    @Test func aCaptureShowsTheInstantAndTheNextOneWhatChanged() async throws {
        var (driver, cycles) = make()
        driver.write([1, 2, 3], to: guest, "vda", at: 0)
        let before = driver.contents(of: guest, "vda").contents
        let full = try await cycles.open()
        driver.write([9], to: guest, "vda", at: 2 * block)
        #expect(try await contents(full.disks[0], driver) == before)
        #expect(full.changedBytes == block)
        try await cycles.commit()
        #expect(driver.connector.exportedURIs.isEmpty)

        let next = try await cycles.open()
        let reader = try await driver.connector.connect(
            uri: next.disks[0].nbdURI, contexts: [try #require(next.disks[0].bitmapContext)])
        let page = try await reader.changedExtents(
            in: 0..<reader.sizeBytes, bitmapContext: next.disks[0].bitmapContext)
        #expect(page.extents == [.init(offset: 2 * block, length: block, kind: .data)])
        try await cycles.commit()
        #expect(try await cycles.open().changedBytes == 0)
        #expect(driver.checkpoints(of: guest).count == 2)
    }

    @Test func anAbandonedCaptureKeepsTheAcknowledgedCheckpoint() async throws {
        var (driver, cycles) = make()
        _ = try await cycles.open()
        try await cycles.commit()
        _ = try await cycles.open()
        try await cycles.abandon()
        #expect(driver.checkpoints(of: guest) == [cycles.checkpoint(1)])
    }

    @Test func accidentsNeedWhatTheyNeed() async throws {
        var (driver, cycles) = make()
        _ = try await cycles.open()
        try await cycles.commit()
        driver.addDisk("vdb", sizeBytes: 1 << 20, to: guest)
        #expect(try await cycles.refusal()?.code == .needsFull)
        driver.removeDisk("vdb", from: guest)
        driver.resize("vda", of: guest, to: 8 << 20)
        #expect(try await cycles.refusal()?.code == .needsCompare)
        _ = try await cycles.open(.compare)
        try await cycles.commit()
        driver.crash(guest: guest)
        try await driver.start(guest: guest)
        #expect(try await cycles.refusal()?.code == .needsCompare)
        _ = try await cycles.open(.compare)
        try await cycles.commit()
        #expect(try await cycles.open().changedBytes == 0)
    }

    @Test func aGuestThatIsOffKeepsItsBase() async throws {
        var (driver, cycles) = make()
        _ = try await cycles.open()
        try await cycles.commit()
        driver.write([1], to: guest, "vda", at: 0)
        try await driver.shutdown(guest: guest)
        let offline = try await cycles.open()
        #expect(offline.isOffline && offline.changedBytes == block)
        try await cycles.commit()
        #expect(driver.checkpoints(of: guest) == [cycles.checkpoint(1)])
        try await driver.start(guest: guest)
        driver.write([1], to: guest, "vda", at: block)
        #expect(try await cycles.open().changedBytes == 2 * block)
    }

    @Test func injectedFailuresChangeNothing() async throws {
        var (driver, cycles) = make()
        driver.fail(.openCapture, with: HypervisorError(.unavailable, "gone"), times: 1)
        #expect(try await cycles.refusal()?.code == .unavailable)
        #expect(!driver.hasOpenCapture(guest))
        _ = try await cycles.open()
        driver.loseCapture(of: guest, reason: "scratch")
        await #expect { try await driver.verifyCapture(protection: cycles.protection, cycle: 2) } throws: {
            ($0 as? HypervisorError)?.code == .captureLost
        }
        #expect(driver.connector.exportedURIs.isEmpty)
    }

    @Test func changesAreTold() async throws {
        let (driver, _) = make()
        let changes = driver.changes()
        try await driver.shutdown(guest: guest)
        driver.crash(guest: guest)
        await driver.close()
        var kinds: [GuestChange.Kind] = []
        for await change in changes { kinds.append(change.kind) }
        #expect(kinds == [.shutDown, .destroyed])
    }

    @Test func leftoversOfUnknownProtectionsGo() async throws {
        var (driver, cycles) = make()
        _ = try await cycles.open()
        #expect(try await driver.clearLeftovers(protections: [cycles.protection]).count == 1)
        #expect(driver.checkpoints(of: guest).count == 1)
        #expect(try await driver.clearLeftovers(protections: []).count == 1)
        #expect(driver.checkpoints(of: guest).isEmpty)
    }
}
