import Foundation
import LocalSites
import Logging
import MessageBus

/// Two running sites as a test sees them: the processes, a client for every service, the oracle, and the link between.
final class TwoSites: Sendable {
    let client: SitesClient
    let oracle: CaptureOracle
    /// Between the workers and the target's bulk port, when it was asked for.
    let link: StallingProxy?

    var sites: LocalSites { client.sites }

    /// The primary uses the private libvirtd of this run, so that `virsh` can act on its guests from outside; or what
    /// `GuestHost` says.
    static func start(
        root: String, workers: Int = 2, frequencySeconds: UInt32 = 1, secondaryReplicas: String? = nil,
        stallableLink: Bool = false, withOracle: Bool = true, orchestrator: Bool = false, workerSlots: Int? = nil
    ) async throws -> TwoSites {
        let oracle = try CaptureOracle(folder: "\(root)/oracle")
        var options = LocalSites.Options(binaries: binaries, root: root)
        options.workers = workers
        if orchestrator {
            options.orchestrator = true
            try SecondaryHypervisor.prepare(in: root)
        }
        options.primaryHypervisor = GuestHost.uri
        if withOracle {
            for side in ["primary", "secondary"] { options.extraSettings[side] = ["captureHook": oracle.hookPath] }
        }
        if let workerSlots {
            for number in 1...workers { options.extraSettings["worker-\(number)"] = ["slots": "\(workerSlots)"] }
        }
        if let secondaryReplicas { options.extraSettings["secondary", default: [:]]["replicas"] = secondaryReplicas }
        var sites = try LocalSites(options: options)
        var link: StallingProxy?
        if stallableLink {
            let proxy = try StallingProxy(to: sites.secondaryBulkPort)
            link = proxy
            options.extraSettings["secondary", default: [:]]["bulkAdvertise"] = "tcp://127.0.0.1:\(proxy.port)"
            sites = try LocalSites(options: options, ports: sites.ports)
        }
        do {
            try await sites.start()
            let client = try await SitesClient.connect(to: sites, logger: Logger(label: "end-to-end"))
            let two = TwoSites(client: client, oracle: oracle, link: link)
            try await client.pairClouds(policy: "end-to-end", frequencySeconds: frequencySeconds)
            return two
        } catch {
            for name in ["vault", "policy", "orchestrator", "primary", "secondary", "worker-1"] {
                print("--- \(name)\n\(sites.lastLines(of: name, count: 12))")
            }
            await sites.stop()
            throw error
        }
    }

    private init(client: SitesClient, oracle: CaptureOracle, link: StallingProxy?) {
        self.client = client
        self.oracle = oracle
        self.link = link
    }

    /// - Returns: names of services that did not end by themselves.
    func stop() async -> [String] {
        await client.bus.shutdown()
        let killed = await sites.stop()
        link?.close()
        return killed
    }

    /// Runs `bascule` as an operator does, and gives what it said.
    ///
    /// - Throws: `Command.Failure` when it refused or failed, with its words.
    @discardableResult
    func bascule(_ words: String...) async throws -> String {
        try await Command.run(
            ["\(Self.binaries)/bascule"] + words
                + ["--vault", client.vault.endpoint, "--policy-service", client.policy.endpoint])
    }

    /// Where `swift build` put the executables.
    static var binaries: String {
        // The test runner is somewhere else, but the bundle that it loads lies beside the executables.
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: bundle).resolvingSymlinksInPath().deletingLastPathComponent().path
    }
}
