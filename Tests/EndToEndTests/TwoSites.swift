import Foundation
import LocalSites
import Logging
import MessageBus
import Messages

/// Two running sites as a test sees them: the processes, a client for each service, and the oracle.
final class TwoSites: Sendable {
    let sites: LocalSites
    /// Between the workers and the target's bulk port, when it was asked for.
    let link: StallingProxy?
    let oracle: CaptureOracle
    let bus: MessageBus
    let vault: RequestClient
    let policy: RequestClient
    let primary: RequestClient
    let secondary: RequestClient

    /// The primary uses the private libvirtd of this run, so that `virsh` can act on its guests from outside.
    static func start(
        root: String, workers: Int = 2, frequencySeconds: UInt32 = 1, secondaryReplicas: String? = nil,
        stallableLink: Bool = false, withOracle: Bool = true
    ) async throws -> TwoSites {
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        let oracle = try CaptureOracle(folder: "\(root)/oracle")
        var options = LocalSites.Options(binaries: binaries, root: root)
        options.workers = workers
        options.primaryHypervisor = "qemu:///system"
        if withOracle { options.extraSettings["primary"] = ["captureHook": oracle.hookPath] }
        if let secondaryReplicas { options.extraSettings["secondary"] = ["replicas": secondaryReplicas] }
        var sites = try LocalSites(options: options)
        var link: StallingProxy?
        if stallableLink {
            let proxy = try StallingProxy(to: sites.secondaryBulkPort)
            link = proxy
            options.extraSettings["secondary", default: [:]]["bulkAdvertise"] = "tcp://127.0.0.1:\(proxy.port)"
            sites = try LocalSites(options: options, ports: sites.ports)
        }
        try await sites.start()
        let bus = MessageBus(name: "test/end-to-end", logger: Logger(label: "end-to-end"))
        let two = TwoSites(
            sites: sites, link: link, oracle: oracle, bus: bus,
            vault: try await bus.client(to: sites.vaultEndpoint),
            policy: try await bus.client(to: sites.policyEndpoint),
            primary: try await bus.client(to: sites.primaryEndpoint),
            secondary: try await bus.client(to: sites.secondaryEndpoint))
        do {
            for client in [two.vault, two.policy, two.primary, two.secondary] {
                _ = try await client.health(deadline: .seconds(30))
            }
            try await two.pairClouds(frequencySeconds: frequencySeconds)
        } catch {
            await two.stop()
            throw error
        }
        return two
    }

    private init(
        sites: LocalSites, link: StallingProxy?, oracle: CaptureOracle, bus: MessageBus, vault: RequestClient, policy: RequestClient,
        primary: RequestClient, secondary: RequestClient
    ) {
        self.sites = sites
        self.link = link
        self.oracle = oracle
        self.bus = bus
        self.vault = vault
        self.policy = policy
        self.primary = primary
        self.secondary = secondary
    }

    func stop() async {
        await bus.shutdown()
        await sites.stop()
        link?.close()
    }

    /// Where `swift test` and `swift build` put the executables: beside this test bundle.
    static var binaries: String {
        let own = CommandLine.arguments[0]
        return URL(fileURLWithPath: own).resolvingSymlinksInPath().deletingLastPathComponent().path
    }

    private func pairClouds(frequencySeconds: UInt32) async throws {
        var policy = ReplicationPolicy()
        policy.name = "end-to-end"
        policy.frequencySeconds = frequencySeconds
        policy.retention.everyCycleSeconds = 3_600
        policy.retention.hourlySeconds = 86_400
        policy.retention.dailySeconds = 604_800
        policy.compression = .automatic
        var put = PutPolicy()
        put.policy = policy
        _ = try await self.policy.policy(.putPolicy(put))
        var pair = PairClouds()
        pair.pair.sourceCloud = "primary-cloud"
        pair.pair.targetCloud = "secondary-cloud"
        pair.pair.policy = policy.name
        // The clouds exist once their agents have registered.
        let wanted = pair
        _ = try await eventually("both clouds are registered", within: .seconds(30)) {
            do { return try await self.vault.vault(.pairClouds(wanted)) } catch let error as RemoteError
                where error.code == .notFound { return nil }
        }
    }

    func snapshot() async throws -> Snapshot {
        guard case .snapshot(let snapshot) = try await vault.vault(.getSnapshot(GetSnapshot())) else {
            throw Command.Failure(description: "the vault answered GetSnapshot with something else")
        }
        return snapshot
    }

    /// Protects a guest, once the vault has heard of it.
    func protect(_ guest: String) async throws -> Protection {
        var request = Protect()
        request.guest = guest
        let wanted = request
        return try await eventually("\(guest) is in the inventory", within: .seconds(30)) {
            do {
                guard case .protection(let protection) = try await self.vault.vault(.protect(wanted)) else { return nil }
                return protection
            } catch let error as RemoteError where error.code == .notFound {
                return nil
            }
        }
    }

    func protection(_ identifier: String) async throws -> Protection? {
        try await snapshot().protections.first { $0.id == identifier }
    }

    func changeState(_ protection: String, to state: ProtectionState, reason: String = "asked by the test") async throws {
        var change = ChangeState()
        change.protection = protection
        change.state = state
        change.reason = reason
        _ = try await vault.vault(.changeState(change))
    }

    func status(_ protection: String) async throws -> ProtectionStatus? {
        var request = GetStatus()
        request.protection = protection
        guard case .statuses(let list) = try await policy.policy(.getStatus(request)) else { return nil }
        return list.statuses.first { $0.protection == protection }
    }

    /// Newest first or oldest first, as the service likes; at most 200 cycles.
    func history(_ protection: String) async throws -> [CycleReport] {
        var request = GetHistory()
        request.protection = protection
        request.limit = 200
        guard case .history(let history) = try await policy.policy(.getHistory(request)) else { return [] }
        return history.cycles
    }

    func points(_ protection: String) async throws -> [RecoveryPoint] {
        var request = ListPoints()
        request.protection = protection
        guard case .points(let list) = try await secondary.agent(.listPoints(request), deadline: .seconds(20)) else {
            return []
        }
        return list.points
    }

    /// Waits for a point of a later cycle than `cycle`, and says which it is.
    @discardableResult
    func waitForPoint(
        after cycle: UInt64, of protection: String, ignoringEnded: String? = nil, within limit: Duration
    ) async throws -> UInt64 {
        do {
            return try await eventually("a point after cycle \(cycle)", within: limit) {
                try await self.sites.checkRunning(except: ignoringEnded)
                let newest: UInt64
                do { newest = try await self.points(protection).last?.cycle ?? 0 } catch is RemoteError { return nil }
                return newest > cycle ? newest : nil
            }
        } catch let error as Late {
            let status = try await status(protection)
            throw Command.Failure(
                description: """
                    \(error): phase \(status?.phase ?? "?"), health \(status?.health.reason ?? "?"), \
                    last failure \(status?.lastFailure.error.message ?? "none")
                    """)
        }
    }
}
