package import Logging
package import MessageBus
package import Messages

/// What demo, end-to-end tests and benchmarks ask of a local installation, over the same messages as an operator.
package final class SitesClient: Sendable {
    package let sites: LocalSites
    package let bus: MessageBus
    package let vault: RequestClient
    package let policy: RequestClient
    package let orchestrator: RequestClient
    package let primary: RequestClient
    package let secondary: RequestClient

    /// Connects to every service and waits until each is healthy.
    package static func connect(
        to sites: LocalSites, logger: Logger, within limit: Duration = .seconds(30)
    ) async throws -> SitesClient {
        let bus = MessageBus(name: "local-sites/client", logger: logger)
        do {
            let client = SitesClient(
                sites: sites, bus: bus,
                vault: try await bus.client(to: sites.vaultEndpoint),
                policy: try await bus.client(to: sites.policyEndpoint),
                orchestrator: try await bus.client(to: sites.orchestratorEndpoint),
                primary: try await bus.client(to: sites.primaryEndpoint),
                secondary: try await bus.client(to: sites.secondaryEndpoint))
            let services = [client.vault, client.policy, client.primary, client.secondary]
            for service in services + (sites.options.orchestrator ? [client.orchestrator] : []) {
                _ = try await service.health(deadline: limit)
            }
            return client
        } catch {
            await bus.shutdown()
            throw error
        }
    }

    private init(
        sites: LocalSites, bus: MessageBus, vault: RequestClient, policy: RequestClient,
        orchestrator: RequestClient, primary: RequestClient, secondary: RequestClient
    ) {
        self.sites = sites
        self.bus = bus
        self.vault = vault
        self.policy = policy
        self.orchestrator = orchestrator
        self.primary = primary
        self.secondary = secondary
    }

    /// Puts a policy, and pairs the two clouds under it once their agents have registered.
    package func pairClouds(policy name: String, frequencySeconds: UInt32) async throws {
        try await putPolicy(name, frequencySeconds: frequencySeconds)
        var pair = PairClouds()
        pair.pair.sourceCloud = "primary-cloud"
        pair.pair.targetCloud = "secondary-cloud"
        pair.pair.policy = name
        let wanted = pair
        _ = try await eventually("both clouds are registered", within: .seconds(30)) {
            do { return try await self.vault.vault(.pairClouds(wanted)) } catch let error as RemoteError
                where error.code == .notFound
            { return nil }
        }
    }

    /// Creates or changes a policy with familiar retention.
    package func putPolicy(_ name: String, frequencySeconds: UInt32) async throws {
        var policy = ReplicationPolicy()
        policy.name = name
        policy.frequencySeconds = frequencySeconds
        policy.retention.everyCycleSeconds = 3_600
        policy.retention.hourlySeconds = 86_400
        policy.retention.dailySeconds = 604_800
        policy.compression = .automatic
        var put = PutPolicy()
        put.policy = policy
        _ = try await self.policy.policy(.putPolicy(put))
    }

    package func snapshot() async throws -> Snapshot {
        guard case .snapshot(let snapshot) = try await vault.vault(.getSnapshot(GetSnapshot())) else {
            throw LocalSitesError(
                .late, "the vault answered GetSnapshot with something else", remedy: "use one release everywhere")
        }
        return snapshot
    }

    /// Protects a guest, once the vault has heard of it.
    package func protect(_ guest: String) async throws -> Protection {
        var request = Protect()
        request.guest = guest
        let wanted = request
        return try await eventually("\(guest) is in the inventory", within: .seconds(30)) {
            do {
                guard case .protection(let protection) = try await self.vault.vault(.protect(wanted)) else {
                    return nil
                }
                return protection
            } catch let error as RemoteError where error.code == .notFound {
                return nil
            }
        }
    }

    package func protection(_ identifier: String) async throws -> Protection? {
        try await snapshot().protections.first { $0.id == identifier }
    }

    package func changeState(_ protection: String, to state: ProtectionState, reason: String = "asked by the test")
        async throws
    {
        var change = ChangeState()
        change.protection = protection
        change.state = state
        change.reason = reason
        _ = try await vault.vault(.changeState(change))
    }

    package func status(_ protection: String) async throws -> ProtectionStatus? {
        var request = GetStatus()
        request.protection = protection
        guard case .statuses(let list) = try await policy.policy(.getStatus(request)) else { return nil }
        return list.statuses.first { $0.protection == protection }
    }

    /// Newest first or oldest first, as the service likes; at most 200 cycles.
    package func history(_ protection: String) async throws -> [CycleReport] {
        var request = GetHistory()
        request.protection = protection
        request.limit = 200
        guard case .history(let history) = try await policy.policy(.getHistory(request)) else { return [] }
        return history.cycles
    }

    /// At the secondary, or at another agent after a change of sides.
    package func points(_ protection: String, at agent: RequestClient? = nil) async throws -> [RecoveryPoint] {
        var request = ListPoints()
        request.protection = protection
        guard
            case .points(let list) = try await (agent ?? secondary).agent(.listPoints(request), deadline: .seconds(20))
        else {
            return []
        }
        return list.points
    }

    /// Waits for a point of a later cycle than `cycle`, and says which it is.
    @discardableResult
    package func waitForPoint(
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
            throw LocalSitesError(
                .late,
                """
                \(error): phase \(status?.phase ?? "?"), health \(status?.health.reason ?? "?"), \
                last failure \(status?.lastFailure.error.message ?? "none")
                """, remedy: "read the logs of policy and agents")
        }
    }
}
