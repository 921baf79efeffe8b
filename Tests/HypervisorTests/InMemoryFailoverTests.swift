import BlockDevice
import Testing

@testable import Hypervisor

struct InMemoryFailoverTests {
    private let guest = "0f1e2d3c-0000-4000-8000-000000000001"
    private let protection = "aaaabbbb-0000-4000-8000-000000000001"
    private let block = SparseBytes.blockBytes

    /// A host with a view of a point of the guest's, and the request to start it.
    private func target(
        identity: ReplicaGuestRequest.Identity = .same, tracksChanges: Bool = true
    ) async throws -> (InMemoryHypervisor, ReplicaGuestRequest) {
        let source = InMemoryHypervisor()
        source.addGuest(name: "web", uuid: guest, disks: [("vda", 4 << 20)])
        let definition = try await source.describe(guest: guest).definition
        let driver = InMemoryHypervisor()
        let disk = ReplicaGuestRequest.Disk(target: "vda", viewSocket: "/run/view", sizeBytes: 4 << 20)
        var bytes = SparseBytes(sizeBytes: 4 << 20)
        bytes.write([7, 8, 9], at: 3 * block)
        driver.connector.export(bytes, at: disk.viewURI)
        return (
            driver,
            ReplicaGuestRequest(
                protection: protection, cycle: 5, definition: definition, identity: identity, disks: [disk],
                directory: "/replica/failover", tracksChanges: tracksChanges)
        )
    }

    private func incremental(_ cycle: UInt64, parent: UInt64) -> CaptureRequest {
        CaptureRequest(
            protection: protection, guest: guest, cycle: cycle, kind: .incremental(parentCycle: parent))
    }

    @Test func aReplicaStartsFromItsViewAndTracksFromTheFirstWrite() async throws {
        let (driver, request) = try await target()
        let started = try await driver.startReplicaGuest(request)
        #expect(started.uuid == guest && started.name == "web")
        #expect(driver.contents(of: guest, "vda").read(3 * block..<3 * block + 3) == [7, 8, 9])
        driver.write([1], to: guest, "vda", at: block)
        let capture = try await driver.openCapture(incremental(6, parent: 5))
        #expect(capture.changedBytes == block)
        #expect(try await driver.startReplicaGuest(request) == started)
        #expect(driver.contents(of: guest, "vda").read(block..<block + 1) == [1])
    }

    @Test func aReplicaThatWasShutDownIsStartedAsItIs() async throws {
        let (driver, request) = try await target()
        _ = try await driver.startReplicaGuest(request)
        driver.write([1], to: guest, "vda", at: 0)
        try await driver.shutdown(guest: guest)
        _ = try await driver.startReplicaGuest(request)
        #expect(driver.contents(of: guest, "vda").read(0..<1) == [1])
        #expect(try await driver.openCapture(incremental(6, parent: 5)).changedBytes == block)
    }

    @Test func aTestRunsBesideTheOriginal() async throws {
        let other = "0f1e2d3c-0000-4000-8000-000000000002"
        let (driver, request) = try await target(
            identity: .test(uuid: other, name: "web-test"), tracksChanges: false)
        driver.addGuest(name: "web", uuid: guest, disks: [("vda", 1 << 20)])
        #expect(try await driver.startReplicaGuest(request).name == "web-test")
        #expect(driver.checkpoints(of: other).isEmpty)
        try await driver.removeReplicaGuest(uuid: other, directory: request.directory)
        try await driver.removeReplicaGuest(uuid: other, directory: request.directory)
        #expect(!driver.isDefined(other) && driver.isDefined(guest))
    }

    @Test func whatIsInTheWayIsRefusedAndStays() async throws {
        let (driver, request) = try await target()
        driver.addGuest(name: "web", uuid: guest, disks: [("vda", 1 << 20)])
        await #expect { try await driver.startReplicaGuest(request) } throws: {
            ($0 as? HypervisorError)?.code == .guestExists
        }
        try await driver.removeReplicaGuest(uuid: guest, directory: request.directory)
        #expect(driver.isDefined(guest))
        try await driver.shutdown(guest: guest)
        try await driver.undefine(guest: guest)
        driver.setMemoryFree(1 << 20)
        await #expect { try await driver.startReplicaGuest(request) } throws: {
            ($0 as? HypervisorError)?.code == .hostUnfit
        }
        #expect(!driver.isDefined(guest))
        driver.setMemoryFree(1 << 30)
        _ = try await driver.startReplicaGuest(request)
        let later = ReplicaGuestRequest(
            protection: protection, cycle: 6, definition: request.definition, disks: request.disks,
            directory: request.directory, tracksChanges: true)
        await #expect { try await driver.startReplicaGuest(later) } throws: {
            ($0 as? HypervisorError)?.code == .guestExists
        }
    }

    @Test func aViewThatIsNotThereLeavesNoGuest() async throws {
        let (driver, request) = try await target()
        for uri in driver.connector.exportedURIs { driver.connector.withdraw(uri) }
        await #expect(throws: HypervisorError.self) { try await driver.startReplicaGuest(request) }
        #expect(!driver.isDefined(guest))
    }

    @Test func aGuestThatDoesNotHearItsPowerButtonIsEndedOrRunsOn() async throws {
        let driver = InMemoryHypervisor()
        driver.addGuest(name: "web", uuid: guest, disks: [("vda", 1 << 20)])
        driver.setHearsPowerButton(false, of: guest)
        await #expect {
            try await driver.stopGuest(guest, shutdownLimit: .seconds(1), destroysAfterLimit: false)
        } throws: {
            ($0 as? HypervisorError)?.code == .shutdownTimedOut
        }
        #expect(try await driver.describe(guest: guest).power == .running)
        let forced = try await driver.stopGuest(guest, shutdownLimit: .seconds(1), destroysAfterLimit: true)
        #expect(forced == StoppedGuest(wasRunning: true, wasForced: true))
        let again = try await driver.stopGuest(guest, shutdownLimit: .seconds(1), destroysAfterLimit: false)
        #expect(again == StoppedGuest(wasRunning: false, wasForced: false))
        try await driver.start(guest: guest)
        driver.setHearsPowerButton(true, of: guest)
        let clean = try await driver.stopGuest(guest, shutdownLimit: .seconds(1), destroysAfterLimit: false)
        #expect(clean == StoppedGuest(wasRunning: true, wasForced: false))
    }

    @Test func linksAndStartWithTheHostAreKept() async throws {
        let driver = InMemoryHypervisor()
        driver.addGuest(name: "web", uuid: guest, disks: [("vda", 1 << 20)])
        #expect(try await driver.setAutostart(guest, true) == false)
        #expect(try await driver.setAutostart(guest, false) == true)
        #expect(!driver.startsWithHost(guest))
        try await driver.setLinks(of: guest, up: false)
        #expect(!driver.hasLinks(guest))
        try await driver.shutdown(guest: guest)
        try await driver.start(guest: guest)
        #expect(driver.hasLinks(guest))
    }

    @Test func settlingNeedsAGuestThatIsOffAndKeepsWhatItTracks() async throws {
        let (driver, request) = try await target()
        _ = try await driver.startReplicaGuest(request)
        driver.write([1], to: guest, "vda", at: block)
        let images = ["vda": BaseImageFile(path: "/replica/base/vda", format: "raw", sizeBytes: 1 << 20)]
        await #expect {
            try await driver.settleOnBase(guest: guest, directory: request.directory, images: images)
        } throws: {
            ($0 as? HypervisorError)?.code == .wrongPowerState
        }
        try await driver.shutdown(guest: guest)
        try await driver.settleOnBase(guest: guest, directory: request.directory, images: images)
        #expect(driver.isOnBase(guest))
        try await driver.start(guest: guest)
        #expect(try await driver.openCapture(incremental(6, parent: 5)).changedBytes == block)
    }

    @Test func adoptedDisksAreStrippedAndStartedTracked() async throws {
        let driver = InMemoryHypervisor()
        driver.addGuest(name: "web", uuid: guest, disks: [("vda", 1 << 20)])
        _ = try await driver.openCapture(
            CaptureRequest(protection: protection, guest: guest, cycle: 4, kind: .full))
        try await driver.closeCapture(protection: protection, guest: guest, cycle: 4, keepCheckpointOfCycle: 4)
        await #expect {
            try await driver.startTracked(
                guest: guest, protection: protection, cycle: 9, mayHaveRun: false, beforeItRuns: {})
        } throws: {
            ($0 as? HypervisorError)?.code == .wrongPowerState
        }
        try await driver.shutdown(guest: guest)
        try await driver.stripBitmaps(protection: protection, guest: guest, images: [])
        #expect(driver.checkpoints(of: guest).isEmpty)
        for _ in 1...2 {
            _ = try await driver.startTracked(
                guest: guest, protection: protection, cycle: 9, mayHaveRun: false, beforeItRuns: {})
        }
        driver.write([1], to: guest, "vda", at: 0)
        #expect(try await driver.openCapture(incremental(10, parent: 9)).changedBytes == block)
    }
}
