import Foundation
import LocalSites
import MessageBus
import Messages
import TestGuest
import Testing

extension TwoSites {
    /// The guest as it runs from a point at the secondary; `purpose` is `test` or `failover`.
    func replica(of guest: TestGuest, _ protection: String, _ purpose: String) -> GuestPorts {
        guest.ports(ofReplicaIn: sites.startedReplica(of: protection, at: "secondary", purpose: purpose))
    }

    /// Carries out a run to its end, which has to be a good one.
    @discardableResult
    func succeed(
        _ kind: RunKind, _ protection: String, within limit: Duration = .seconds(180),
        _ fill: (inout StartRun) -> Void = { _ in }
    ) async throws -> Run {
        let run = try await client.perform(kind, protection, within: limit, fill)
        let steps = run.steps.map { "\($0.name) \($0.state) \($0.detail)" }.joined(separator: "; ")
        print("\(kind): \(run.steps.compactMap(\.secondsTaken).joined(separator: ", "))")
        try #require(run.state != .failed, "\(kind): \(run.sentence) \(run.remedy) Steps: \(steps)")
        return run
    }

    func side(of protection: String, guest: TestGuest, at agent: RequestClient) async throws -> SideDescription {
        var request = DescribeSide()
        request.protection = protection
        request.guestUuid = guest.uuid.uuidString.lowercased()
        guard case .side(let side) = try await agent.agent(.describeSide(request)) else {
            throw Command.Failure(description: "DescribeSide was answered with something else")
        }
        return side
    }

    /// Waits until the vault has the protection as `holds` says.
    @discardableResult
    func waitUntil(
        _ what: String, _ protection: String, within limit: Duration = .seconds(60),
        _ holds: (Protection) -> Bool
    ) async throws -> Protection {
        try await eventually(what, within: limit) {
            let found: Protection?
            // The vault may be one of those that are being started again.
            do { found = try await client.protection(protection) } catch is RemoteError { return nil }
            return found.flatMap { holds($0) ? $0 : nil }
        }
    }

    /// Waits until replication runs, in the given direction, with a point that is newer than `cycle`.
    @discardableResult
    func waitUntilProtected(
        _ direction: Direction, _ protection: String, after cycle: UInt64, within limit: Duration = .seconds(90)
    ) async throws -> UInt64 {
        try await waitUntil("protected, \(direction)", protection, within: limit) {
            $0.state == .protected && $0.direction == direction
        }
        return try await eventually("a point after cycle \(cycle)", within: limit) {
            let newest = try await client.status(protection)?.newestCycle ?? 0
            return newest > cycle ? newest : nil
        }
    }

    /// A point that was captured after this was called, so that it holds what the guest had written by then.
    @discardableResult
    func freshPoint(of protection: String, within limit: Duration = .seconds(60)) async throws -> UInt64 {
        // The next one may be under way already.
        let captured = (try await client.status(protection)?.newestCycle ?? 0) + 1
        return try await eventually("a point after cycle \(captured)", within: limit) {
            let newest = try await client.status(protection)?.newestCycle ?? 0
            return newest > captured ? newest : nil
        }
    }

    func setFencing(_ action: FenceAction) async throws {
        let snapshot = try await client.snapshot()
        var pair = PairClouds()
        pair.pair = try #require(snapshot.pairs.first)
        pair.pair.fenceAction = action
        _ = try await client.vault.vault(.pairClouds(pair))
    }

    /// SHA-256 of every file of the replica's base and journal, by name.
    func replicaHashes(_ protection: String) async throws -> [String: String] {
        let folder = "\(sites.replicas(of: "secondary"))/\(protection)"
        let lines = try await Command.run(
            [
                "bash", "-c", "cd \"$0\" && find base journal -type f -print0 | xargs -0 openssl dgst -sha256 -r",
                folder,
            ],
            limit: .seconds(120))
        let pairs = lines.split(separator: "\n").map { line in
            (String(line.dropFirst(66)), String(line.prefix(64)))
        }
        return Dictionary(pairs) { first, _ in first }
    }
}

extension RunStep {
    /// `shut-down-source 3.8 s`, for whoever reads why a run took long; nil: it was passed over.
    fileprivate var secondsTaken: String? {
        guard startedUnixMs > 0, endedUnixMs >= startedUnixMs else { return nil }
        let milliseconds = endedUnixMs - startedUnixMs
        return "\(name) \(milliseconds / 1_000).\(milliseconds % 1_000 / 100) s"
    }
}

extension GuestPorts {
    /// Tells the guest to write, and waits until it has written something after `record`.
    func countOn(from record: UInt64) async throws {
        try await tell("rate 100")
        _ = try await eventually("the guest counts on from \(record)", within: .seconds(30)) {
            console.lastCommitted > record ? true : nil
        }
    }
}
