@testable import Policy

/// The two hosts of one protection, and which of them is what.
struct SimulatedSite {
    var source = SimulatedSource()
    var target = SimulatedTarget()
    private(set) var sourceEndpoint = "sim:h1"
    private(set) var targetEndpoint = "sim:h2"
    /// The newest generation that each agent has heard of.
    private var generations: [String: UInt64] = [:]
    var failover: SimulatedFailover?

    /// What fences: an older generation is refused, a newer one ends what was begun under the one before.
    mutating func refusal(of order: AgentOrder) -> PolicyError? {
        let known = generations[order.endpoint, default: 1]
        guard order.generation >= known else {
            return PolicyError(.staleGeneration, "generation \(order.generation) is over, this is \(known)")
        }
        learn(order.generation, at: order.endpoint)
        return nil
    }

    mutating func learn(_ generation: UInt64, at endpoint: String) {
        guard generation > generations[endpoint, default: 1] else { return }
        generations[endpoint] = generation
        if endpoint == sourceEndpoint { source.agentCrashed() } else { target.agentCrashed() }
    }

    /// Source and target change places. What the old source holds stands for the point only where nothing was written
    /// since; else it begins at a number of its own, which may be above any that was given.
    mutating func reverse(from point: SimulatedFailover.Point, isExact: Bool, ownNumber: UInt64) {
        let old = source
        source = SimulatedSource(startedFrom: point.cycle, content: point.content, after: old)
        target =
            isExact
            ? SimulatedTarget(adopting: point.cycle, content: point.content)
            : SimulatedTarget(adopting: ownNumber, content: old.version)
        swap(&sourceEndpoint, &targetEndpoint)
    }
}

/// One failover under way, as its run sees it.
struct SimulatedFailover {
    struct Point {
        var cycle: UInt64
        var content: Int64
    }

    /// The last delta of a planned one.
    enum Delta: Hashable {
        case notAsked
        case asking(RequestToken)
        /// Answered: a point of a later capture than this content has to come.
        case asked(content: Int64)
    }

    var isPlanned: Bool
    var delta = Delta.notAsked
    /// Chosen when the target became active.
    var point: Point?
    var isTakenBack = false
}
