import Hypervisor
import Messages
import Repeatable
import SwiftProtobuf

@testable import HostAgent

/// The agent ended at a step.
struct WalkKilled: Error {}

/// A host: its guest, its replica, and its agent. What the agent decides is decided by its own state machines; what it
/// does is done in the order of its roles, and it may be killed between any two steps.
struct WalkHost {
    let index: Int
    var protection = ""

    // Durable: hypervisor and disks.
    var guest: WalkGuest?
    /// The disks that the guest had before it was ever protected, if it is from here.
    var ownDisk: [Int]?
    /// What was kept of diverged disks, by the name of the snapshot or the directory.
    var kept: [String: [Int]] = [:]
    /// Of the protection.
    var part = WalkPart()
    /// Of protections that were before it.
    var others: [String: WalkPart] = [:]
    /// The machine lost power, so that guests may start with it again.
    var isOff = false
    var reportRun: UInt64 = 0

    // Gone with the agent.
    var isUp = true
    var reports: UInt64 = 0

    // Of the walk.
    var killIn: Int?
    var stepsTaken = 0
    var openings = 0
    var tokens = SeededRandom(seed: 1)
    /// What was captured since it was last asked for.
    var captured: [(protection: String, cycle: UInt64, content: [Int])] = []
    /// What stopping would lose, with who asked; told when it is lost.
    var losses: [String] = []
    var adoptions: [(cycle: UInt64, isDiverged: Bool, kept: String?)] = []
    /// Protections for which the guest was shut down although the vault does not name them.
    var fencedUnnamed: [String] = []
    let epoch = ContinuousClock.now

    init(index: Int) {
        self.index = index
        tokens = SeededRandom(seed: UInt64(index) + 77)
    }

    // MARK: The process

    mutating func step() throws {
        stepsTaken += 1
        guard let left = killIn else { return }
        killIn = left - 1
        if left <= 0 {
            killIn = nil
            throw WalkKilled()
        }
    }

    mutating func agentEnds() {
        isUp = false
        part.agentEnds()
        for other in others.keys { others[other]?.agentEnds() }
        killIn = nil
    }

    /// What an agent does before it answers the first request.
    mutating func agentStarts() {
        isUp = true
        reportRun += 1
        reports = 0
        part.agentStarts()
        for other in others.keys { others[other]?.agentStarts() }
        guest?.capture = nil
        forEachPart { host in
            guard let started = host.started, started.started != nil else { return }
            host.activate(guest: started.guest, generation: started.order.generation)
        }
    }

    /// The machine lost power.
    mutating func crashes() {
        agentEnds()
        isOff = true
        guest?.end(cleanly: false)
        part.testContent = nil
        for other in others.keys { others[other]?.testContent = nil }
    }

    mutating func boots() {
        guard isOff else { return }
        isOff = false
        if guest?.startsWithHost == true { guest?.isOn = true }
    }

    mutating func answer(_ question: WalkQuestion, now: Int64) throws -> WalkReply? {
        guard isUp, case .agentRequest(let body) = question.body, let request = body.request else { return nil }
        let current = protection
        if !request.protection.isEmpty { turn(to: request.protection) }
        defer { turn(to: current) }
        do {
            let reply = try carryOut(request, generation: question.generation, now: now)
            try step()
            return .success(.agentReply(.with { $0.reply = reply }))
        } catch is WalkKilled {
            agentEnds()
            return nil
        } catch let violation as WalkViolation {
            throw violation
        } catch {
            return .failure(RemoteError(answering: error))
        }
    }

    private mutating func carryOut(
        _ request: AgentRequest.OneOf_Request, generation: UInt64, now: Int64
    ) throws -> AgentReply.OneOf_Reply {
        switch request {
        case .openCapture(let request): return .captureOpened(try openCapture(request, generation, now: now))
        case .keepCapture(let request):
            try keepCapture(request, generation, now: now)
        case .closeCapture(let request):
            try closeCapture(request, generation, now: now)
        case .releaseSource:
            if let started, case .committed = started.phase {
            } else if let started, case .plain = started.phase {
            } else {
                guard started == nil || isOvertaken else { throw Self.refused("the guest runs from a replica") }
            }
            guard test == nil else { throw Self.refused("a test is here") }
            try releaseSource(generation)
            if let outliving = SideKnowledge.outliving(side, releasedAt: generation),
                outliving > replica?.generation ?? .max
            {
                try admit(outliving)
            }
            try step()
            isEnding = true
        case .openCycle(let request): return .cycleOpened(try openCycle(request, generation))
        case .commitCycle(let request): return .cycleCommitted(try commitCycle(request, generation))
        case .abortCycle(let request): try abortCycle(request.cycle, generation)
        case .describeReplica: return .replica(try describeReplica())
        case .listPoints: return .points(try listPoints())
        case .deleteReplica:
            try deleteReplica(generation)
            isEnding = true
        case .setSide(let request):
            try setSide(try SideStateMachine.Order(request, generation: generation))
        case .stopGuest: return .guestStopped(try stopGuest(generation))
        case .startGuest: try startGuest(generation)
        case .startReplica(let request):
            let guest = try start(try StartedReplica.Order(request, generation: generation))
            return .replicaStarted(ReplicaStarted(guest))
        case .stopReplica(let request):
            try stop(try StartedReplica.Purpose(request.purpose), generation)
        case .commitReplica: return .workProgress(try commitReplica(generation))
        case .prepareReplica: return .workProgress(try prepareReplica(generation))
        case .adoptDisks(let request):
            try adopt(try StartedRole.AdoptionOrder(request, generation: generation))
        case .describeSide: return .side(describeSide())
        case .openView, .closeView, .keepView, .scrub, .doctorCheck:
            throw WalkViolation("nobody asks for this in a walk: \(request)")
        }
        return .done(AgentDone())
    }

    static func refused(_ message: String, _ code: ErrorCode = .failedPrecondition, _ facts: [String: String] = [:])
        -> RemoteError
    {
        RemoteError(code, "The walk's host refuses: \(message).", remedy: "See the walk.", facts: facts)
    }

    // MARK: Disks

    var base: [Int] {
        get { base(of: part) }
        set {
            if replica?.isAdopted == true { ownDisk = newValue } else { replica?.images = newValue }
        }
    }

    func base(of part: WalkPart) -> [Int] {
        guard let replica = part.replica, replica.isAdopted else { return part.replica?.images ?? [] }
        return ownDisk ?? []
    }

    func content(of cycle: UInt64) -> [Int] { replica?.content(of: cycle, upon: base) ?? [] }

    /// What the guest's disks hold, read as the guest reads them.
    func disk() throws -> [Int] {
        guard let guest else { return [] }
        guard !guest.isOwn else { return ownDisk ?? [] }
        // Unprotected and kept, the files of a replica are its guest's for good.
        guard let part = ([part] + others.values).first(where: { $0.started != nil }), let started = part.started else {
            throw WalkViolation("host \(index) runs a replica's guest and has no record of it")
        }
        let base = base(of: part)
        var content =
            switch started.phase {
            case .plain, .returning: base
            case .starting, .running, .committing, .committed, .stopping:
                part.replica?.content(of: started.order.cycle, upon: base) ?? []
            }
        for (block, value) in guest.overlay { content[block] = value }
        return content
    }

    mutating func write(_ block: Int, _ value: Int) {
        guard guest?.isOn == true else { return }
        guest?.write(block, value)
        if guest?.isOwn == true { ownDisk?[block] = value }
    }
}
