import LocalSites
import TestGuest

extension DemoStage: DemoGround {
    var guestName: String { guest.name }
    var home: GuestPorts { guest.ports }
    var layout: RecordLayout { guest.layout }
    var names: DemoNames { DemoNames() }
    var logs: String { "\(root)/logs" }

    var endpoints: [OperatorSettings.Key: String] {
        [
            .vault: sites.vaultEndpoint, .policy: sites.policyEndpoint, .vaultEvents: sites.vaultEvents,
            .orchestrator: sites.orchestratorEndpoint, .binaries: programs.folder,
        ]
    }

    func replica(of protection: String, purpose: String) -> GuestPorts {
        guest.ports(ofReplicaIn: sites.startedReplica(of: protection, at: "secondary", purpose: purpose))
    }

    func traces(ofReplicaOf protection: String, purpose: String) throws -> [String] {
        let folder = sites.startedReplica(of: protection, at: "secondary", purpose: purpose)
        return try RunningProcesses.mentioning(folder).map { "left behind: \($0.text)" }
    }

    func checkRunning(except lost: String?) async throws { try await sites.checkRunning(except: lost) }

    func losePrimary() async throws { try await killPrimary() }
}
