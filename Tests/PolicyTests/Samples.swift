@testable import Policy

/// Small values that tests share; each test changes what it is about.
enum Samples {
    static let start = PolicyTime.seconds(1_700_000_000)
    static let protection = ProtectionIdentifier("11111111-1111-4111-8111-111111111111")

    static func entry(
        _ state: ProtectionEntry.State = .enabling, version: UInt64 = 1, id: ProtectionIdentifier = protection
    ) -> ProtectionEntry {
        ProtectionEntry(
            id: id, guestUUID: "guest-\(id)", guestName: "web", sourceHost: "h1", targetHost: "h2", sourceCloud: "a",
            targetCloud: "b", state: state, generation: 1, version: version, policyOverride: "", stateReason: "",
            keepReplica: false)
    }

    static func settings(_ name: String = "default", frequency: UInt32 = 30) -> PolicySettings {
        var settings = PolicySettings.builtIn
        settings.name = name
        settings.frequencySeconds = frequency
        return settings
    }

    static func progress(committed cycle: UInt64 = 7, at time: PolicyTime = start) -> ProtectionProgress {
        var progress = ProtectionProgress(protection: protection)
        progress.lastNumber = cycle
        progress.parent = cycle
        progress.need = .incremental
        progress.newest = .init(cycle: cycle, startedAt: time)
        return progress
    }

    static func record(_ stage: CycleRecord.Stage = .opened, cycle: UInt64 = 8, parent: UInt64 = 7) -> CycleRecord {
        CycleRecord(
            protection: protection, generation: 1, cycle: cycle, parent: parent, kind: .incremental, reason: "",
            wanted: .crash, sourceHost: "h1", targetHost: "h2", guestUUID: "guest", dueAt: start, startedAt: start,
            stage: stage, registryVersion: 3, reached: .crash, capturedUnixMilliseconds: 1, changedBytes: 2)
    }

    static func capture(_ cycle: UInt64, changed: [UInt64] = [5, 0, 7], regionBytes: UInt64 = 1 << 20) -> Capture {
        let disk = Capture.Disk(
            description: DiskDescription(
                target: "vda", sizeBytes: UInt64(changed.count) * regionBytes, format: "qcow2", source: "/disk"),
            nbdURI: "nbd+unix:///vda?socket=/s", bitmapContext: "qemu:dirty-bitmap:x", regionBytes: regionBytes,
            changed: changed)
        return Capture(
            cycle: cycle, capturedUnixMilliseconds: 1_000, consistency: .crash, consistencyNote: "", disks: [disk],
            definition: "<domain/>", nvram: [])
    }

    static let door = TransferDoor(
        bulkEndpoint: "tcp://127.0.0.1:1", token: Array(repeating: 1, count: 16),
        cycleKey: Array(repeating: 2, count: 32))

    static func report(_ cycle: UInt64, error: PolicyError? = nil) -> CycleReport {
        CycleReport(
            cycle: cycle, kind: .incremental, consistency: .crash, capturedUnixMilliseconds: 1, endedAt: start,
            durationMilliseconds: 120, changedBytes: 10, sentBytes: 5, error: error, reason: "")
    }

    static func posting(
        _ id: ProtectionIdentifier = protection, pieces: Int = 1, objective: PolicyTime = start, limit: UInt64 = 0,
        host: String = "h1", target: String = "h2", bytes: UInt64 = 1_000, policy: String = "default",
        ownLimit: UInt64? = nil
    ) -> JobPosting {
        let pieces = (0..<pieces).map { index in
            JobPiece(
                diskIndex: 0, diskTarget: "vda", nbdURI: "nbd", bitmapContext: "", offset: UInt64(index) << 20,
                length: 1 << 20, changedBytes: bytes)
        }
        return JobPosting(
            protection: id, generation: 1, cycle: 8, kind: .incremental, sourceHost: host, sourceHostName: "alpha",
            targetHost: target, guestName: "web", sites: SitePair("north", "south"), door: door,
            compression: .automatic,
            bandwidth: BandwidthKey(pair: .init(sourceCloud: "a", targetCloud: "b"), policy: policy),
            bandwidthPlan: BandwidthPlan(usualBytesPerSecond: ownLimit ?? limit),
            pairBandwidthPlan: BandwidthPlan(usualBytesPerSecond: limit), objective: objective, pieces: pieces)
    }

    static func worker(_ id: String, reads hosts: [String] = []) -> WorkerIntroduction {
        WorkerIntroduction(id: id, name: id, controlEndpoint: "", readsHosts: hosts)
    }
}
