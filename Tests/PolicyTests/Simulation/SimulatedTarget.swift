@testable import Policy

/// A target agent with one replica. A point's content is the number of the capture that it was made from.
struct SimulatedTarget {
    struct OpenCycle {
        var order: AgentCall.CycleOrder
        /// Attempts whose records are all stored, with what they were read from.
        var stored: [String: [UInt32: Int64]] = [:]
        var door: TransferDoor
    }

    /// Content of each committed point.
    private(set) var points: [UInt64: Int64] = [:]
    private(set) var open: OpenCycle?
    private(set) var isDeleted = true
    private var highestSeen: UInt64 = 0
    private var openings: UInt8 = 0

    init() {}

    /// The disks of an old source, adopted in place: what they hold stands for this cycle.
    init(adopting cycle: UInt64, content: Int64) {
        points = [cycle: content]
        isDeleted = false
    }

    var newest: UInt64 { points.keys.max() ?? 0 }

    mutating func agentCrashed() {
        open = nil
        highestSeen = 0
    }

    mutating func wipe() {
        points = [:]
        open = nil
        isDeleted = true
    }

    /// A worker's records arrive; they count only through the door that is open now.
    mutating func store(job: String, attempt: UInt32, version: Int64, door: TransferDoor) -> Bool {
        guard open?.door == door else { return false }
        open?.stored[job, default: [:]][attempt] = version
        return true
    }

    /// - Parameter verify: checks a point that is about to exist against the truth.
    mutating func handle(
        _ call: AgentCall, verify: (OpenCycle, [StoredJob], _ parentContent: Int64?) throws -> Void
    ) rethrows -> Result<AgentAnswer, PolicyError> {
        switch call {
        case .openCycle(let order):
            return openCycle(order)
        case .commitCycle(let cycle, let jobs, _):
            if points[cycle] != nil { return .success(.committed(storedBytes: 1)) }
            guard let current = open, current.order.cycle == cycle else {
                return .failure(PolicyError(.notFound, "cycle \(cycle) is not open"))
            }
            for job in jobs where current.stored[job.job]?[job.attempt] == nil {
                return .failure(PolicyError(.failedPrecondition, "job \(job.job) is not stored"))
            }
            try verify(current, jobs, points[current.order.parent])
            points[cycle] = current.order.capturedUnixMilliseconds
            open = nil
            return .success(.committed(storedBytes: 1))
        case .abortCycle(let cycle):
            guard points[cycle] == nil else {
                return .failure(PolicyError(.alreadyExists, "cycle \(cycle) is committed"))
            }
            if open?.order.cycle == cycle { open = nil }
            highestSeen = max(highestSeen, cycle + 1)
            return .success(.done)
        case .describeReplica:
            if isDeleted { return .failure(PolicyError(.notFound, "no replica")) }
            return .success(
                .replica(ReplicaSummary(newestCycle: newest, openCycle: open?.order.cycle ?? 0, generation: 1)))
        case .deleteReplica:
            wipe()
            return .success(.done)
        case .openCapture, .keepCapture, .verifyCapture, .closeCommitted, .closeAbandoned, .releaseSource:
            return .failure(PolicyError(.unimplemented, "not a target's request"))
        }
    }

    private mutating func openCycle(_ order: AgentCall.CycleOrder) -> Result<AgentAnswer, PolicyError> {
        if let current = open, current.order == order { return .success(.cycleOpened(current.door)) }
        guard order.cycle >= highestSeen, order.cycle > newest else {
            return .failure(PolicyError(.alreadyExists, "cycle \(order.cycle) is over"))
        }
        guard order.parent == newest else {
            return .failure(PolicyError(.wrongParent, "the replica holds \(newest), not \(order.parent)"))
        }
        highestSeen = order.cycle
        openings &+= 1
        let door = TransferDoor(
            bulkEndpoint: "sim", token: Array(repeating: openings, count: 16), cycleKey: Array(repeating: 0, count: 32))
        open = OpenCycle(order: order, door: door)
        isDeleted = false
        return .success(.cycleOpened(door))
    }
}
