import CLibvirt
import Foundation
import Logging
import Testing

@testable import Hypervisor

/// What this host remembers of a guest that was migrated away, once libvirt does not.
@Suite struct MigrationMarksTests {
    private static let off = VIR_DOMAIN_SHUTOFF.rawValue

    /// A guest that libvirt says to have been migrated away, looked at once, and then as `look` has it.
    private static func withMigrated(_ look: (MigrationMarks, CaptureDirectory) throws -> Void) throws {
        let directory = CaptureDirectory("/tmp/bascule-mark-\(UInt32.random(in: 0 ... .max))")
        try directory.prepare(owner: nil)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: directory.path) } }
        let marks = MigrationMarks(directory, logger: Logger(label: "test"))
        #expect(try marks.mark(of: "g") == nil)
        #expect(try marks.look(off, VIR_DOMAIN_SHUTOFF_MIGRATED.rawValue).end == .migrated(mark: nil))
        #expect(try marks.mark(of: "g") == directory.migratedMark("g"))
        try look(marks, directory)
    }

    /// libvirt was started anew, this host was, or a migration back failed: nothing says that it is here.
    @Test func aGuestThatWasNotSeenHereSinceWasStillMigrated() throws {
        try Self.withMigrated { marks, directory in
            for reason in [
                VIR_DOMAIN_SHUTOFF_UNKNOWN, VIR_DOMAIN_SHUTOFF_DESTROYED, VIR_DOMAIN_SHUTOFF_FAILED,
                VIR_DOMAIN_SHUTOFF_CRASHED, VIR_DOMAIN_SHUTOFF_DAEMON,
            ] {
                // Its memory arrives here, and then does not after all.
                #expect(try marks.look(VIR_DOMAIN_PAUSED.rawValue, VIR_DOMAIN_PAUSED_MIGRATION.rawValue).end == nil)
                let end = try marks.look(Self.off, reason.rawValue).end
                #expect(end == .migrated(mark: directory.migratedMark("g")), "\(reason)")
            }
            // By another agent on the same directory, too.
            let later = MigrationMarks(directory, logger: Logger(label: "test"))
            #expect(try later.look(Self.off, 0).end == .migrated(mark: directory.migratedMark("g")))
            #expect(try later.look(Self.off, 0, of: "other").end == .unknown)
        }
    }

    @Test(arguments: [
        (VIR_DOMAIN_RUNNING.rawValue, UInt32(1), false), (VIR_DOMAIN_PMSUSPENDED.rawValue, 0, false),
        (VIR_DOMAIN_CRASHED.rawValue, 0, false), (off, VIR_DOMAIN_SHUTOFF_SHUTDOWN.rawValue, false),
        (off, VIR_DOMAIN_SHUTOFF_FROM_SNAPSHOT.rawValue, false), (off, VIR_DOMAIN_SHUTOFF_SAVED.rawValue, false),
        (off, VIR_DOMAIN_SHUTOFF_UNKNOWN.rawValue, true),
    ])
    func aGuestThatRunsHereOrEndedHereIsForgotten(state: UInt32, reason: UInt32, hasSavedMemory: Bool) throws {
        try Self.withMigrated { marks, _ in
            let seen = try marks.look(state, reason, hasSavedMemory: hasSavedMemory)
            if case .migrated = seen.end { Issue.record("it is here") }
            #expect(try marks.mark(of: "g") == nil)
            #expect(try marks.look(Self.off, 0).end == .unknown)
            // And gone once more it is marked once more.
            _ = try marks.look(Self.off, VIR_DOMAIN_SHUTOFF_MIGRATED.rawValue)
            #expect(try marks.mark(of: "g") != nil)
        }
    }

    @Test func whoeverKnowsBetterRemovesTheMarkThatTheRemedyNames() throws {
        try Self.withMigrated { marks, directory in
            let finding = try #require(Finding(marks.look(Self.off, 0).end, of: "web"))
            #expect(finding.rule == .migrated && finding.remedy.contains("virsh start web"))
            #expect(finding.remedy.contains("rm \(directory.migratedMark("g"))"))
            try directory.remove(directory.migratedMark("g"))
            #expect(try marks.look(Self.off, 0).end == .unknown)
        }
        let told = try #require(Finding(.migrated(mark: nil), of: "web"))
        #expect(!told.remedy.contains("rm "), "libvirt would tell it again")
    }

    @Test func whatHappensIsNotedThoughNobodyLooks() throws {
        try Self.withMigrated { marks, _ in
            func marked(after kind: GuestChange.Kind) throws -> Bool {
                marks.heard(GuestChange(guest: "g", kind: kind))
                return try marks.mark(of: "g") != nil
            }
            // A migration hither begins with a start, and may end with nothing else.
            let story: [(GuestChange.Kind, isMarked: Bool)] = [
                (.started, true), (.defined, true), (.paused, true), (.destroyed, true), (.crashed, true),
                (.resumed, false), (.destroyed, false), (.migrated, true), (.shutDown, false), (.migrated, true),
                (.undefined, false),
            ]
            for (kind, isMarked) in story {
                let seen = try marked(after: kind)
                #expect(seen == isMarked, "\(kind)")
            }
        }
        let stopped = Int32(VIR_DOMAIN_EVENT_STOPPED.rawValue)
        let detail = Int32(VIR_DOMAIN_EVENT_STOPPED_MIGRATED.rawValue)
        #expect(LibvirtEvents.change(event: stopped, detail: detail) == .migrated)
    }

    /// A look that began before the guest went, and is over after that was noted.
    @Test func aMarkThatIsMadeDuringALookStays() throws {
        try Self.withMigrated { marks, directory in
            try directory.remove(directory.migratedMark("g"))
            let before = try marks.mark(of: "g")
            marks.heard(GuestChange(guest: "g", kind: .migrated))
            let running = DomainPower(state: Int32(VIR_DOMAIN_RUNNING.rawValue), reason: 1, hasSavedMemory: false)
            _ = marks.remembering(running, of: "g", mark: before)
            #expect(try marks.mark(of: "g") != nil)
        }
    }
}

extension MigrationMarks {
    fileprivate func look(
        _ state: UInt32, _ reason: UInt32, hasSavedMemory: Bool = false, of guest: String = "g"
    ) throws -> DomainPower {
        remembering(
            DomainPower(state: Int32(state), reason: Int32(reason), hasSavedMemory: hasSavedMemory), of: guest,
            mark: try mark(of: guest))
    }
}

extension RealGuestTests {
    /// As after a restart of libvirt, which says of a guest that is off that it does not know why.
    @Test func aGuestThatWasMigratedAwayIsRefusedAlsoOnceLibvirtHasForgotten() async throws {
        try await RealHost.withGuest(starts: false) { host, guest in
            let (driver, uuid) = (host.driver, guest.uuid)
            let mark = driver.directory.migratedMark(uuid)
            driver.marks.heard(GuestChange(guest: uuid, kind: .migrated))
            // What an agent clears at its start is not what it remembers.
            _ = try await driver.clearLeftovers(protections: [])
            #expect(try await driver.describe(guest: uuid).findings.contains { $0.rule == .migrated })
            var cycles = Cycles(guest: uuid, driver: driver)
            #expect(try await cycles.refusal()?.code == .preflight(.migrated))
            let refused: [@Sendable () async throws -> Void] = [
                { try await driver.start(guest: uuid) },
                { _ = try await driver.stopGuest(uuid, shutdownLimit: .zero, destroysAfterLimit: true) },
                { try await driver.setAside(guest: uuid, for: "/nowhere") },
            ]
            for body in refused {
                await #expect {
                    try await body()
                } throws: {
                    let error = $0 as? HypervisorError
                    return error?.code == .wrongPowerState && error?.remedy.contains("virsh start") == true
                }
            }
            // As the remedy says. An event tells of it, and every look does.
            try await driver.call { try $0.domain(uuid).start() }
            try await waitUntil("its mark is gone") { access(mark, F_OK) != 0 }
            #expect(try await driver.stopGuest(uuid, shutdownLimit: .zero, destroysAfterLimit: true).wasForced)
            // Off it is taken as it is, and it is known how it ended.
            #expect(try await cycles.open().consistency == .crash)
            try await cycles.commit()
            try await driver.releaseGuest(protection: cycles.protection, guest: uuid)
            // Of one that nobody knows any more nothing is remembered.
            let stranger = driver.directory.migratedMark("00000000-0000-4000-8000-00000000beef")
            #expect(FileManager.default.createFile(atPath: stranger, contents: nil))
            _ = try await driver.clearLeftovers(protections: nil)
            #expect(access(stranger, F_OK) != 0)
        }
    }
}
