@testable import Policy

// What must hold after every step.

extension SimulatedWorld {
    /// The source keeps the last acknowledged checkpoint until the target has committed the next: no command may take
    /// away the checkpoint of the point that the target holds.
    func checkCheckpoints(
        _ before: [UInt64: Int64], _ site: SimulatedSite, _ call: AgentCall
    ) throws {
        switch call {
        case .releaseSource:
            return
        case .openCapture, .keepCapture, .verifyCapture, .closeCommitted, .closeAbandoned, .openCycle, .commitCycle,
            .abortCycle, .describeReplica, .deleteReplica:
            break
        }
        let newest = site.target.newest
        // Disks that diverged may stand under a number that a capture has, too; only the same content is that point.
        guard newest > 0, let held = before[newest], held == site.target.points[newest],
            site.source.checkpoints[newest] != held
        else { return }
        throw violation("\(call) took the checkpoint of cycle \(newest), which the target holds")
    }

    static func verify(
        _ open: SimulatedTarget.OpenCycle, _ jobs: [StoredJob], _ parentContent: Int64?, _ source: SimulatedSource,
        seed: UInt64, step: Int
    ) throws {
        func violated(_ message: String) -> SimulationViolation {
            SimulationViolation(seed: seed, step: step, message: message)
        }
        let order = open.order
        let version = order.capturedUnixMilliseconds
        guard let base = source.bases[version] else { throw violated("content \(version) was never captured") }
        if let base, base != parentContent {
            throw violated(
                "cycle \(order.cycle) holds changes since \(base), its parent \(order.parent) holds \(parentContent ?? 0)"
            )
        }
        for job in jobs where open.stored[job.job]?[job.attempt] != version {
            throw violated("cycle \(order.cycle) commits job \(job.job) that was read from another capture")
        }
        if order.expectedBytes > 0, jobs.isEmpty { throw violated("cycle \(order.cycle) commits without its jobs") }
    }
}
