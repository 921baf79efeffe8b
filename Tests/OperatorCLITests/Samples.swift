@testable import OperatorCLI

/// Records as services answer them, to be varied by tests.
enum Samples {
    static func protection(state: Registry.State = .protected) -> Registry.Protection {
        Registry.Protection(
            id: "11111111-1111-1111-1111-111111111111", guest: "web1",
            guestUUID: "22222222-2222-2222-2222-222222222222", sourceHost: "host-a", targetHost: "host-b",
            sourceCloud: "gold", targetCloud: "gold-dr", state: state, stateReason: "", reversed: false, generation: 1,
            version: 3, policyOverride: "")
    }

    static func cycle(_ number: UInt64) -> CycleRecord {
        CycleRecord(
            cycle: number, kind: .incremental, consistency: .crash, capturedUnixMilliseconds: 1_795_405_491_250,
            committedUnixMilliseconds: 1_795_405_491_450, durationMilliseconds: 200, changedBytes: 3 << 20,
            sentBytes: 1 << 20, reason: "", error: nil)
    }

    static func status(newestCycle: UInt64) -> ReplicationStatus {
        ReplicationStatus(
            protection: "11111111-1111-1111-1111-111111111111", health: .normal, healthReason: "", healthRemedy: "",
            policy: "every-second", newestCycle: newestCycle,
            newestPointAgeMilliseconds: newestCycle == 0 ? nil : 850, cycleOpen: false, phase: "", pendingBytes: 0,
            totalBytes: 0, rateBytesPerSecond: 0, failuresInARow: 0, protectionVersion: 3,
            lastCycle: newestCycle == 0 ? nil : cycle(newestCycle), lastFailure: nil)
    }

    static func host(_ id: String, _ name: String, cloud: String, endpoint: String = "tcp://127.0.0.1:1")
        -> Registry.Host
    {
        Registry.Host(
            id: id, name: name, cloud: cloud, endpoint: endpoint, agentVersion: "0.1.0", hypervisor: "qemu:///system",
            reachable: true, lastSeenUnixMilliseconds: 0, memoryBytes: 8 << 30, memoryFreeBytes: 4 << 30,
            replicaBytes: 1 << 40, replicaFreeBytes: 1 << 39)
    }

    static func guest(_ name: String, uuid: String, host: String) -> Registry.Guest {
        Registry.Guest(
            uuid: uuid, name: name, hostID: host, power: .running, memoryBytes: 1 << 30, virtualCPUs: 2,
            disks: [Registry.Disk(target: "vda", sizeBytes: 10 << 30, format: "qcow2", source: "/vm/\(name).qcow2")],
            findings: [], guestAgent: false)
    }

    /// Two hosts in a pair of clouds; web1 is protected, db1 is not.
    static func registry() -> Registry {
        var registry = Registry()
        registry.sites = [.init(name: "berlin"), .init(name: "munich")]
        registry.clouds = [.init(name: "gold", site: "berlin"), .init(name: "gold-dr", site: "munich")]
        registry.pairs = [
            .init(source: "gold", target: "gold-dr", policy: "every-second", autoProtect: false, protectAll: false)
        ]
        registry.hosts = [host("host-a", "alpha", cloud: "gold"), host("host-b", "beta", cloud: "gold-dr")]
        registry.guests = [
            guest("db1", uuid: "33333333-3333-3333-3333-333333333333", host: "host-a"),
            guest("web1", uuid: "22222222-2222-2222-2222-222222222222", host: "host-a"),
        ]
        registry.protections = [protection()]
        return registry
    }
}
