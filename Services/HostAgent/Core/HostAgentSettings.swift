/// What a host agent is told at its start.
package struct HostAgentSettings: Sendable {
    /// The host's name, as people know it.
    package var name: String
    package var site: String
    package var cloud: String
    /// Directory for the agent's own state: database, view sockets.
    package var state: String
    /// Where it answers requests.
    package var listen: String
    /// What others connect to; empty: the endpoint as bound.
    package var advertise: String
    package var bulkListen: String
    package var bulkAdvertise: String
    package var vault: String
    /// Directory that holds a replica directory per protection.
    package var replicas: String
    /// The nbdkit plugin that serves views.
    package var nbdkitPlugin: String
    /// Program that is run while a capture is open and before it is answered; empty: none. See `CaptureHook`.
    package var captureHook: String
    package var space: SpaceReserve

    package init(
        name: String, site: String, cloud: String, state: String, listen: String, advertise: String = "",
        bulkListen: String, bulkAdvertise: String = "", vault: String, replicas: String, nbdkitPlugin: String = "",
        captureHook: String = "",
        space: SpaceReserve = SpaceReserve()
    ) {
        self.name = name
        self.site = site
        self.cloud = cloud
        self.state = state
        self.listen = listen
        self.advertise = advertise
        self.bulkListen = bulkListen
        self.bulkAdvertise = bulkAdvertise
        self.vault = vault
        self.replicas = replicas
        self.nbdkitPlugin = nbdkitPlugin
        self.captureHook = captureHook
        self.space = space
    }

    package var databasePath: String { "\(state)/agent.sqlite" }
    package var viewsDirectory: String { "\(state)/views" }
    /// Sockets of the views that guests run from; apart, because they outlive the agent.
    package var guestViewsDirectory: String { "\(state)/guests" }
    package var capturesDirectory: String { "\(state)/captures" }

    package func replicaDirectory(of protection: String) -> String { "\(replicas)/\(protection)" }
}
