import MessageBus
import TestGuest

/// Where the demo is played: what its acts need to know of the two sites, the guest, and the services between.
///
/// `DemoStage` makes everything itself, on one machine. `InstalledGround` stands on services that somebody else started,
/// each in a container of its own.
protocol DemoGround: Sendable {
    var plan: DemoPlan { get }
    var guestName: String { get }
    /// The guest on its own disks.
    var home: GuestPorts { get }
    /// Where the guest's records lie on its disks.
    var layout: RecordLayout { get }
    /// Scripts and answers of the independent witness, and room for images that are read back.
    var witness: String { get }
    var names: DemoNames { get }
    /// Where the logs are, for whoever has to look for a reason.
    var logs: String { get }
    /// Where services are; empty: where the operator's own settings say.
    var endpoints: [OperatorSettings.Key: String] { get }

    /// The guest as it runs from a recovery point at the secondary: `test` or `failover`.
    func replica(of protection: String, purpose: String) -> GuestPorts
    /// One sentence for each thing that a started replica left behind.
    func traces(ofReplicaOf protection: String, purpose: String) throws -> [String]
    /// Throws when something has ended that should run, apart from `lost`.
    func checkRunning(except lost: String?) async throws
    /// Everything at the primary ends at once.
    func losePrimary() async throws
}
