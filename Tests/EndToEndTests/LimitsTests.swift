import Foundation
import LocalSites
import MessageBus
import Messages
import Repeatable
import TestGuest
import Testing

/// Bounds that must hold whatever the size of a disk and whatever arrives at a port.
@Suite(.serialized, .enabled(if: Prerequisites.met, "\(Prerequisites.missing ?? "")"))
struct LimitsTests {
    private static let mostBytes: UInt64 = 256 << 20

    /// Seeding, deltas and a comparison of a sparse 1 TiB disk: workers and agents stay below 256 MiB each.
    @Test(.timeLimit(.minutes(12)))
    func memoryDoesNotGrowWithTheDisk() async throws {
        try await Scenario.run("tera", disks: [1 << 40], recordsPerSecond: 50, withOracle: false) { two, guest in
            let protection = try await two.client.protect(guest.name).id
            var newest = try await two.client.waitForPoint(after: 0, of: protection, within: .seconds(120))
            try await guest.tell("random 64 11")
            newest = try await two.client.waitForPoint(after: newest + 2, of: protection, within: .seconds(60))
            try await two.client.changeState(protection, to: .resynchronizing)
            _ = try await eventually("the comparison is over", within: .seconds(180)) {
                try await two.client.history(protection).contains { $0.kind == .compare && !$0.hasError } ? true : nil
            }
            newest = try await two.client.waitForPoint(after: newest + 1, of: protection, within: .seconds(60))
            for name in ["primary", "secondary", "worker-1", "worker-2"] {
                let usage = try ProcessUsage(of: try await two.sites.process(name).processIdentifier)
                #expect(usage.peakResidentBytes < Self.mostBytes, "\(name): \(usage.peakResidentBytes >> 20) MiB")
            }
            try await two.quiesce(protection)
            #expect(try await Leftovers.find(of: guest, in: two.sites, protection: protection) == [])
        }
    }

    /// Noise and half-sent messages at every port of every service, while replication goes on.
    @Test(.timeLimit(.minutes(6)))
    func garbageOnEveryPortStopsNothing() async throws {
        try await Scenario.run("noise", disks: [64 << 20], recordsPerSecond: 50, orchestrator: true) { two, guest in
            let protection = try await two.client.protect(guest.name).id
            let newest = try await two.client.waitForPoint(after: 0, of: protection, within: .seconds(90))
            let before = try await Registered(two)
            var generator = SeededRandom(seed: 20_261_123)
            // Vault, its publisher, policy, both agents and their bulk sockets, both workers; the orchestrator.
            for port in two.sites.ports[0..<9] + [two.sites.ports[23]] {
                for length in [1, 10, 64, 4_096, 1 << 16] {
                    try Noise.send((0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }, to: port)
                }
                // A ZMTP greeting that is right, and then nonsense.
                let greeting: [UInt8] = [0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0] + Array("NULL".utf8)
                try Noise.send(
                    greeting + [UInt8](repeating: 0, count: 48) + [4, 0xff, 0xff, 0xff, 0xff, 0xff], to: port)
            }
            // Every one but the publisher and the bulk sockets, which take no requests, is asked.
            for port in [0, 2, 3, 5, 7, 8, 23].map({ two.sites.ports[$0] }) {
                let client = try await two.client.bus.client(to: "tcp://127.0.0.1:\(port)")
                _ = try await client.health(deadline: .seconds(60))
                await client.close()
            }
            // The publisher takes no requests; it goes on saying what there is.
            let events = try await two.client.bus.subscribe(to: "tcp://127.0.0.1:\(two.sites.ports[1])")
            var heard = 0
            for await _ in events {
                heard += 1
                break
            }
            #expect(heard == 1)
            await events.close()
            try await two.sites.checkRunning()
            #expect(try await Registered(two) == before, "nothing was changed by it")
            try await two.client.waitForPoint(after: newest + 1, of: protection, within: .seconds(30))
            try await two.quiesce(protection)
            #expect(try await two.comparePoints(of: protection, disks: ["vda"]).faults == [])
        }
    }
}

/// What the vault and the policy service keep, but for what hosts report of themselves and for where a protection stands.
private struct Registered: Equatable {
    var registry: Snapshot
    var policies: [ReplicationPolicy]

    init(_ two: TwoSites) async throws {
        var snapshot = try await two.client.snapshot()
        snapshot.eventNumber = 0
        for index in snapshot.hosts.indices {
            snapshot.hosts[index].capacity = HostCapacity()
            snapshot.hosts[index].lastSeenUnixMs = 0
            snapshot.hosts[index].reachable = false
        }
        for index in snapshot.guests.indices {
            snapshot.guests[index].power = .unspecified
            snapshot.guests[index].guestAgent = false
        }
        for index in snapshot.protections.indices {
            snapshot.protections[index].state = .unspecified
            snapshot.protections[index].version = 0
        }
        registry = snapshot
        guard case .policies(let list) = try await two.client.policy.policy(.listPolicies(ListPolicies())) else {
            throw Command.Failure(description: "the policy service did not list its policies")
        }
        policies = list.policies
    }
}

/// Raw bytes to a loopback port.
enum Noise {
    static func send(_ bytes: [UInt8], to port: UInt16) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard connected else { throw Command.Failure(description: "nobody listens at port \(port)") }
        // The service may hang up in the middle of it, which is its right.
        _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }
}
