import ServiceRuntime

/// What a worker is told at its start.
package struct WorkerSettings: Sendable {
    package var name: String
    /// The policy service's request endpoint.
    package var policy: String
    /// Where the worker answers health requests.
    package var listen: String
    /// What others connect to; empty: the endpoint as bound, by the machine's host name where it is every address;
    /// `nowhere`: nobody can connect.
    package var advertise: String
    /// Jobs at once: 1 to `ReplicationWorkerLimits.slotsMaximum`.
    package var slots: Int
    /// Ids or names of hosts whose NBD sockets it can open; empty: every host.
    package var readsHosts: [String]
    /// How long running jobs may go on after the worker is told to stop.
    package var stopGrace = ReplicationWorkerLimits.stopGrace
    /// How long each of the last things that a worker that is told to stop says to the job board may take.
    package var lastWord = ReplicationWorkerLimits.lastWordDeadline
    /// How often it is asked whether freed memory is to be given back.
    package var memoryInterval = ReplicationWorkerLimits.memoryInterval

    package init(
        name: String, policy: String, listen: String, advertise: String = "",
        slots: Int = ReplicationWorkerLimits.slotsDefault,
        readsHosts: [String] = []
    ) {
        self.name = name
        self.policy = policy
        self.listen = listen
        self.advertise = advertise
        self.slots = slots
        self.readsHosts = readsHosts
    }

    /// The value of `advertise` for a worker that calls others and that others cannot call, as on a network of its own
    /// behind a machine's address.
    package static let nowhere = "none"

    /// The endpoint to tell the policy service of; empty: there is none to ask this worker at.
    ///
    /// - Parameter bound: where the worker answers, as bound.
    func advertised(bound: String) -> String {
        switch advertise {
        case "": MachineName.advertised(bound)
        case Self.nowhere: ""
        default: advertise
        }
    }
}
