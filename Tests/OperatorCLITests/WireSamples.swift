import Foundation
import Messages

/// Answers of services as they travel; the same installation as in `Samples`.
enum WireSamples {
    static let protectionID = "11111111-1111-1111-1111-111111111111"

    static func snapshot(agent: String = "tcp://127.0.0.1:1") -> Snapshot {
        var snapshot = Snapshot()
        for (cloudName, siteName, hostID, hostName) in [
            ("gold", "berlin", "host-a", "alpha"), ("gold-dr", "munich", "host-b", "beta"),
        ] {
            var site = Site()
            site.name = siteName
            snapshot.sites.append(site)
            var cloud = Cloud()
            cloud.name = cloudName
            cloud.site = siteName
            snapshot.clouds.append(cloud)
            var host = Messages.Host()
            host.id = hostID
            host.name = hostName
            host.cloud = cloudName
            host.controlEndpoint = agent
            host.reachable = true
            snapshot.hosts.append(host)
        }
        var pair = CloudPair()
        pair.sourceCloud = "gold"
        pair.targetCloud = "gold-dr"
        pair.policy = "every-second"
        snapshot.pairs = [pair]
        snapshot.guests = [
            guest("web1", uuid: "22222222-2222-2222-2222-222222222222"),
            guest("db1", uuid: "33333333-3333-3333-3333-333333333333"),
        ]
        snapshot.protections = [protection(state: .protected)]
        return snapshot
    }

    static func guest(_ name: String, uuid: String) -> Guest {
        var disk = Disk()
        disk.target = "vda"
        disk.sizeBytes = 10 << 30
        disk.format = "qcow2"
        var guest = Guest()
        guest.uuid = uuid
        guest.name = name
        guest.hostID = "host-a"
        guest.power = .running
        guest.memoryBytes = 1 << 30
        guest.virtualCpus = 2
        guest.disks = [disk]
        return guest
    }

    static func protection(state: ProtectionState) -> Protection {
        var protection = Protection()
        protection.id = protectionID
        protection.guestUuid = "22222222-2222-2222-2222-222222222222"
        protection.guestName = "web1"
        protection.sourceHostID = "host-a"
        protection.targetHostID = "host-b"
        protection.sourceCloud = "gold"
        protection.targetCloud = "gold-dr"
        protection.state = state
        protection.direction = .forward
        protection.activeSide = .source
        protection.generation = 1
        protection.version = 3
        return protection
    }

    /// With an open cycle of 100 bytes while `pending` is not 0.
    static func status(newestCycle: UInt64, pending: UInt64) -> ProtectionStatus {
        var status = ProtectionStatus()
        status.protection = protectionID
        status.health.level = .normal
        status.protectionVersion = 3
        status.newestCycle = newestCycle
        status.newestPointAgeMs = newestCycle == 0 ? -1 : 850
        status.cycleOpen = pending > 0
        status.pendingBytes = pending
        status.totalBytes = pending > 0 ? 100 : 0
        if newestCycle > 0 {
            status.last.cycle = newestCycle
            status.last.durationMs = 200
            status.last.changedBytes = 100
            status.last.sentBytes = 60
        }
        return status
    }

    static func point(_ cycle: UInt64) -> RecoveryPoint {
        var point = RecoveryPoint()
        point.cycle = cycle
        point.capturedUnixMs = Int64(cycle) * 1_000
        point.consistency = .crash
        point.identifier = Data(repeating: UInt8(cycle), count: 16)
        return point
    }
}
