import Foundation
import LocalSites
import MessageBus
import Messages
import TestGuest

extension TwoSites {
    /// What of the system dies.
    enum Victim: Equatable {
        case service(String)
        /// Whichever worker has the job.
        case workerOfTheJob
    }

    /// Has the guest write 24 MiB, and kills a process while a worker is transferring that, before its point is there.
    ///
    /// - Returns: the name of the process, and the cycle that it was killed in.
    func crashInTheMiddle(
        _ victim: Victim, of guest: TestGuest, protection: String, seed: UInt64
    ) async throws -> (name: String, cycle: UInt64) {
        async let written: Void = guest.tell("random 24 \(seed)")
        let (name, cycle) = try await eventually("a worker transfers what was written", within: .seconds(60)) {
            () -> (String, UInt64)? in
            guard case .workers(let list) = try await client.policy.policy(.listWorkers(ListWorkers())) else {
                return nil
            }
            for worker in list.workers {
                // Less is what the guest writes anyhow, and is done before anybody can be killed.
                guard let job = worker.running.first(where: { $0.changedBytes >= 4 << 20 }) else { continue }
                switch victim {
                case .service(let name): return (name, job.cycle)
                case .workerOfTheJob: return (worker.description_p.name, job.cycle)
                }
            }
            return nil
        }
        try await sites.crash(name)
        let number = String(repeating: "0", count: 10 - String(cycle).count) + String(cycle)
        let log = "\(sites.replicas(of: "secondary"))/\(protection)/journal/\(number).hrl"
        guard !FileManager.default.fileExists(atPath: log) else {
            throw Command.Failure(description: "\(name) was killed too late: cycle \(cycle) is a point already")
        }
        try await written
        return (name, cycle)
    }
}
