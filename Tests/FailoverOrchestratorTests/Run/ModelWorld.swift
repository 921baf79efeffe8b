@testable import FailoverOrchestrator

struct Violation: Error, CustomStringConvertible { let description: String }

/// Vault, policy service and two hosts, as far as runs see them, and what must always hold among them.
struct ModelWorld: Hashable, Sendable {
    var entry: ProtectionEntry
    var hosts: [String: ModelHost]
    var cycles: [CycleOutcome] = []
    var lastCycle: UInt64 = 3
    var isCycleOpen = false
    /// Hosts, "vault" or "policy" that do not answer.
    var silent: Set<String> = []
    /// Whether the vault has noticed it.
    var unreachable: Set<String> = []
    /// Somebody unprotected the guest, and the vault knows nothing of it any more.
    var isUnprotected = false

    /// A protected guest that runs at h1, with three points at h2.
    init() {
        entry = Samples.entry()
        hosts = [
            "h1": ModelHost(id: "h1", isActive: true, guestRuns: true, disk: 30),
            "h2": ModelHost(id: "h2", isActive: false, guestRuns: false, points: [1: 10, 2: 20, 3: 28]),
        ]
    }

    var registry: RegistryView {
        var registry = Samples.registry(entry)
        for index in registry.hosts.indices {
            registry.hosts[index].isReachable = !unreachable.contains(registry.hosts[index].id)
        }
        if isUnprotected { registry.protections = [] }
        return registry
    }

    /// What is left of the world when numbers that only count are taken away: runs that end in the same way agree on it.
    var shape: ModelWorld {
        var shape = self
        shape.entry.version = 0
        shape.entry.run = ""
        shape.cycles = []
        shape.lastCycle = 0
        shape.isCycleOpen = false
        shape.silent = []
        shape.unreachable = []
        for id in hosts.keys {
            shape.hosts[id]?.disk = hosts[id]?.disk == nil ? nil : 0
            shape.hosts[id]?.points = hosts[id]?.points.map { $0.isEmpty ? [:] : [0: 0] }
            shape.hosts[id]?.runsFrom = hosts[id]?.runsFrom == nil ? nil : 0
            shape.hosts[id]?.testRunsFrom = hosts[id]?.testRunsFrom == nil ? nil : 0
        }
        shape.entry.failoverCycle = entry.failoverCycle == 0 ? 0 : 1
        return shape
    }

    /// What a guest's owner cares about: who runs it, and that nothing holds it.
    var isAsBefore: Bool {
        hosts[entry.sourceHost]?.guestRuns == true && hosts[entry.sourceHost]?.isActive == true
            && hosts[entry.targetHost]?.guestRuns == false && hosts[entry.targetHost]?.runsFrom == nil
            && entry.state == .protected && entry.run.isEmpty && entry.activeSide == .source
    }

    // MARK: Acting

    mutating func answer(_ order: RunOrder) throws -> Result<RunAnswer, OrchestratorError> {
        for id in hosts.keys where hosts[id]?.guestRuns == true { hosts[id]?.disk! += 1 }
        if let peer = peer(of: order), silent.contains(peer) {
            return .failure(Self.silence)
        }
        let result: Result<RunAnswer, OrchestratorError>
        do throws(OrchestratorError) {
            result = .success(try carryOut(order))
        } catch {
            result = .failure(error)
        }
        try check()
        return result
    }

    static let silence = OrchestratorError(.deadlineExceeded, "no answer in time", facts: ["origin": "caller"])

    func peer(of order: RunOrder) -> String? {
        switch order.call {
        case .snapshot, .advance: "vault"
        case .policies, .status, .history, .trigger: "policy"
        case .agent: order.endpoint == "tcp://1" ? "h1" : "h2"
        }
    }

    private mutating func carryOut(_ order: RunOrder) throws(OrchestratorError) -> RunAnswer {
        switch order.call {
        case .snapshot: return .registry(registry)
        case .advance(let advance): return .protection(try take(advance, run: order.run))
        case .policies:
            return .policies([
                PolicyEntry(name: "fast", shutdownLimitMilliseconds: 5_000, whenShutdownFails: .stop)
            ])
        case .status: return .status(CycleProgress(isOpen: isCycleOpen, pendingBytes: 0, totalBytes: 0))
        case .trigger:
            isCycleOpen = true
            return .done
        case .history:
            if isCycleOpen { makePoint() }
            return .history(cycles)
        case .agent(_, let agentOrder):
            let id = order.endpoint == "tcp://1" ? "h1" : "h2"
            guard var host = hosts[id] else { throw OrchestratorError(.notFound, "no host \(id)") }
            let answer = try host.answer(agentOrder, generation: order.generation)
            hosts[id] = host
            return answer
        }
    }

    private mutating func makePoint() {
        isCycleOpen = false
        guard let source = hosts[entry.sourceHost], source.isActive else { return }
        lastCycle += 1
        hosts[entry.targetHost]?.points?[lastCycle] = source.disk
        cycles.append(
            CycleOutcome(
                cycle: lastCycle, capturedUnixMilliseconds: Samples.start.milliseconds,
                isOffline: !source.guestRuns, isApplicationConsistent: !source.guestRuns && source.shutsDown))
    }

    /// The first cycle back after a reversal.
    mutating func settle() {
        guard entry.state == .reversing else { return }
        isCycleOpen = true
        makePoint()
        entry.state = .protected
        entry.version += 1
    }

    private mutating func take(_ advance: FailoverAdvance, run: String) throws(OrchestratorError) -> ProtectionEntry {
        guard !isUnprotected else { throw OrchestratorError(.notFound, "no such protection", remedy: "List them.") }
        guard advance.version == entry.version else { throw OrchestratorError(.conflict, "another version") }
        func demand(_ holds: Bool) throws(OrchestratorError) {
            guard !holds else { return }
            throw OrchestratorError(
                .failedPrecondition, "\(advance.move) of \(entry.state) with \(entry.activeSide) active, \(entry.run)")
        }
        let isHolder = entry.state == .failingOver && entry.run == run
        switch advance.move {
        case .begin:
            try demand([.protected, .paused, .resynchronizing].contains(entry.state))
            entry.state = .failingOver
            entry.run = run
        case .retreat:
            try demand(isHolder && entry.activeSide == .source)
            entry.state = .protected
            entry.run = ""
        case .activateTarget:
            try demand(isHolder && entry.activeSide == .source && advance.cycle > 0)
            entry.generation += 1
            entry.activeSide = .target
            entry.failoverCycle = advance.cycle
        case .pend:
            try demand(isHolder && entry.activeSide == .target)
            entry.state = .commitPending
            entry.run = ""
        case .changePoint:
            try demand(entry.state == .commitPending && advance.cycle > 0)
            entry.failoverCycle = advance.cycle
        case .commit:
            try demand(entry.state == .commitPending)
            entry.state = .committed
        case .cancel:
            try demand(entry.state == .commitPending || isHolder && entry.activeSide == .target)
            entry.state = .failingOver
            entry.run = run
            entry.generation += 1
            entry.activeSide = .source
            entry.failoverCycle = 0
        case .reverse:
            try demand(
                isHolder && entry.activeSide == .target || [.commitPending, .committed].contains(entry.state))
            swap(&entry.sourceHost, &entry.targetHost)
            swap(&entry.sourceCloud, &entry.targetCloud)
            entry.isReversed.toggle()
            entry.state = .reversing
            entry.activeSide = .source
            entry.run = ""
            entry.failoverCycle = 0
        }
        entry.version += 1
        return entry
    }

    // MARK: What must always hold

    func check() throws {
        let active = hosts.values.filter(\.isActive)
        if active.count == 2, Set(active.map(\.generation)).count == 1 {
            throw Violation(description: "two active sides of generation \(active[0].generation)")
        }
        for host in hosts.values where host.generation > entry.generation {
            throw Violation(description: "\(host.id) is ahead of the vault")
        }
        for host in hosts.values where host.runsFrom != nil && !host.isOnBase {
            guard let from = host.runsFrom, host.isCommitted || host.points?[from] != nil else {
                throw Violation(description: "\(host.id) runs from a point that is not there")
            }
        }
    }

    /// Nobody may run the guest on two hosts while both answer.
    func checkOneRuns() throws {
        guard hosts.values.count(where: { $0.guestRuns || $0.isElsewhere }) <= 1 else {
            throw Violation(description: "the guest runs on two hosts")
        }
    }
}
