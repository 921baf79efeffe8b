import FoundationEssentials
import Messages
import Repeatable
import SwiftProtobuf

// What an operator asks for, what breaks, and what agents tell the vault.

extension Walk {
    // MARK: The beginning

    mutating func protect() throws {
        for index in hosts.indices { try tellVault(.registerHost(registration(index))) }
        try tellVault(.reportInventory(hosts[0].report()))
        try tellVault(
            .pairClouds(
                .with {
                    $0.pair.sourceCloud = "cloud0"
                    $0.pair.targetCloud = "cloud1"
                    $0.pair.policy = "fast"
                    let actions: [FenceAction] = [.alarm, .disconnect, .shutDown]
                    $0.pair.fenceAction = actions[Int(random.next() % 3)]
                }))
        try putPolicy()
        try tellVault(
            .protect(
                .with {
                    $0.guest = "web"
                    $0.targetCloud = "cloud1"
                }))
        guard let protection else { throw violation("the guest is not protected") }
        for index in hosts.indices { hosts[index].protection = protection.id }
    }

    private mutating func putPolicy() throws {
        let frequency = UInt32.random(in: 1...15, using: &random)
        let question = WalkQuestion(
            number: numbers.next(), from: .person, to: .policy,
            body: .policyRequest(
                .with {
                    $0.request = .putPolicy(
                        .with {
                            $0.policy = .with {
                                $0.name = "fast"
                                $0.frequencySeconds = frequency
                                $0.retention = .with { $0.everyCycleSeconds = 3_600 }
                                $0.compression = .unspecified
                                $0.shutdownLimitSeconds = 10
                                $0.whenShutdownFails = .destroy
                            }
                        })
                }),
            generation: 0, operation: random.bytes(16), deadlineMilliseconds: 5_000)
        let answers = try policy.ask(question, now: now, kill: nil) ?? []
        for case .answer(_, .failure(let error)) in answers { throw violation("the policy was refused: \(error)") }
    }

    private mutating func tellVault(_ request: VaultRequest.OneOf_Request) throws {
        let question = WalkQuestion(
            number: numbers.next(), from: .person, to: .vault, body: .vaultRequest(.with { $0.request = request }),
            generation: 0, operation: random.bytes(16), deadlineMilliseconds: 5_000)
        if case .failure(let error) = try vault.answer(question, now: now).0 {
            throw violation("the vault refused what sets the walk up: \(error)")
        }
    }

    private func registration(_ index: Int) -> RegisterHost {
        .with {
            $0.site = "site\(index)"
            $0.createMissing = true
            $0.host = .with {
                $0.id = WalkWords.hosts[index]
                $0.name = "host\(index)"
                $0.cloud = "cloud\(index)"
                $0.controlEndpoint = WalkWords.endpoint(index)
                $0.agentVersion = "1"
                $0.hypervisorUri = "walk:"
                $0.capacity = WalkHost.capacity
            }
        }
    }

    // MARK: Agents and the vault

    mutating func report(_ index: Int) throws {
        guard hosts[index].isUp else { return }
        send(
            WalkQuestion(
                number: numbers.next(), from: .host(index), to: .vault,
                body: .vaultRequest(.with { $0.request = .reportInventory(hosts[index].report()) }), generation: 0,
                operation: random.bytes(16), deadlineMilliseconds: 5_000))
    }

    mutating func hear(_ reply: WalkReply, host index: Int) {
        guard hosts[index].isUp, case .success(.vaultReply(let body)) = reply, case .duties(let duties) = body.reply
        else { return }
        hosts[index].take(duties)
    }

    // MARK: The operator

    /// A command, sensible or not: what is not legal now is refused.
    mutating func operate() throws {
        if protection == nil { return try protectAgain() }
        let open = orchestrator.open
        if let stuck = open.first(where: { $0.wait != nil }), random.happens(150) {
            return ask(
                random.happens(400) ? .abandonRun(.with { $0.id = stuck.id }) : .resumeRun(.with { $0.id = stuck.id }))
        }
        // Mostly what is legal now, because refusals change nothing.
        let kinds = random.happens(250) ? RunKind.allCases.filter { $0 != .unspecified } : fittingKinds
        switch random.next() % 24 {
        case 20, 21: try recover()
        case 22, 23: unprotect(keeping: random.happens(500))
        case 0..<14: if let kind = kinds.randomElement(using: &random) { start(kind) }
        case 14: change(.paused)
        case 15, 16: change(.protected)
        case 17: change(.resynchronizing)
        case 18: trigger()
        default: startByHand()
        }
    }

    private var fittingKinds: [RunKind] {
        if orchestrator.holdsTest, orchestrator.open.isEmpty { return [.cleanup] }
        guard let protection else { return [] }
        switch protection.state {
        case .protected, .resynchronizing:
            return [.test, .unplanned]
                + (protection.direction == .reverse ? [.failback, .failback] : [.planned, .planned])
        case .commitPending: return [.changePoint, .commit, .cancel, .reverse, .reverse]
        case .committed: return [.reverse]
        case .paused, .enabling, .seeding, .disabling, .failingOver, .reversing, .unspecified, .UNRECOGNIZED: return []
        }
    }

    mutating func start(_ kind: RunKind, reaching: Bool? = nil) {
        note("asked for: \(kind)")
        if kind == .reverse { truth.isLossAsked = true }
        let reaches = reaching ?? random.happens(400)
        let cycle = hosts.compactMap(\.replica).flatMap(\.points).randomElement(using: &random) ?? 1
        let choosesCycle = reaching == nil && random.happens(400)
        let keeps = kind == .reverse && random.happens(500)
        ask(
            .startRun(
                .with {
                    $0.kind = kind
                    $0.protection = "web"
                    $0.point = choosesCycle ? .cycle : .latest
                    $0.cycle = choosesCycle ? cycle : 0
                    $0.reachSource = reaches
                    $0.keepDiverged = keeps
                }))
    }

    mutating func ask(_ request: OrchestratorRequest.OneOf_Request) {
        counts["commands", default: 0] += 1
        send(
            WalkQuestion(
                number: numbers.next(), from: .person, to: .orchestrator,
                body: .orchestratorRequest(.with { $0.request = request }), generation: 0,
                operation: random.bytes(16), deadlineMilliseconds: 5_000))
    }

    mutating func change(_ state: ProtectionState) {
        counts["commands", default: 0] += 1
        guard let id = protection?.id else { return }
        send(
            WalkQuestion(
                number: numbers.next(), from: .person, to: .vault,
                body: .vaultRequest(
                    .with {
                        $0.request = .changeState(
                            .with {
                                $0.protection = id
                                $0.state = state
                                $0.reason = "operator"
                            })
                    }), generation: 0, operation: random.bytes(16), deadlineMilliseconds: 5_000))
    }

    private mutating func trigger() {
        counts["commands", default: 0] += 1
        guard let id = protection?.id else { return }
        send(
            WalkQuestion(
                number: numbers.next(), from: .person, to: .policy,
                body: .policyRequest(.with { $0.request = .triggerCycle(.with { $0.protection = id }) }), generation: 0,
                operation: random.bytes(16), deadlineMilliseconds: 5_000))
    }

    // MARK: What breaks

    mutating func disturb() throws {
        let index = Int(random.next() % 2)
        switch random.next() % 24 {
        case 0:
            counts["vault kills", default: 0] += 1
            try vault.restart(now: now)
        case 1:
            counts["policy kills", default: 0] += 1
            try restartPolicy()
        case 2:
            counts["orchestrator kills", default: 0] += 1
            try restartOrchestrator()
        case 3, 4:
            guard hosts[index].isUp else { return }
            note("agent \(index) is killed")
            hosts[index].agentEnds()
            comeBack(index)
        case 5:
            guard hosts[index].isUp else { return }
            note("host \(index) loses power")
            counts["host crashes", default: 0] += 1
            hosts[index].crashes()
            comeBack(index)
        case 6:
            guard hosts[index].guest?.isOn == true else { return }
            note("the guest of host \(index) crashes")
            hosts[index].guest?.end(cleanly: false)
        case 7: isVaultAway.toggle()
        case 8:
            isPolicyAway.toggle()
            if !isPolicyAway { try restartPolicy() }
        case 9:
            workerStarts += 1
            workers[Int(random.next() % 2)] = "w\(workerStarts)"
        case 10, 11, 12: startByHand()
        case 13: startOldByHand()
        default: break
        }
    }

    /// The faults end; everyone who was down comes back, and whoever waits is told to go on.
    mutating func calm() throws {
        faults = .none
        isVaultAway = false
        if isPolicyAway {
            isPolicyAway = false
            try restartPolicy()
        }
        for index in hosts.indices where !hosts[index].isUp { plan(.agentStarts(index), after: 100) }
        for index in workers.indices {
            workerStarts += 1
            workers[index] = "w\(workerStarts)"
        }
    }

    /// The shortest way to a protection that replicates. False: it is there.
    mutating func finishNext() throws -> Bool {
        guard let protection else {
            try protectAgain()
            return true
        }
        if orchestrator.holdsTest, orchestrator.open.isEmpty {
            start(.cleanup)
            return true
        }
        if let open = orchestrator.open.first {
            if open.wait != nil {
                stopOldByHand()
                // What was taken over meanwhile cannot be gone on with.
                ask(
                    random.happens(300)
                        ? .abandonRun(.with { $0.id = open.id }) : .resumeRun(.with { $0.id = open.id }))
            }
            return true
        }
        switch protection.state {
        case .paused: change(.protected)
        // Whoever took its side may have started nothing.
        case .commitPending where protection.failoverCycle == 0: start(.changePoint, reaching: false)
        case .commitPending, .committed: start(.reverse)
        case .protected where isOvertaken: unprotect(keeping: false)
        case .protected:
            startByHand()
            return false
        case .enabling, .seeding, .resynchronizing, .reversing: startByHand()
        case .failingOver: throw violation("run \(protection.run) holds the protection and is not known")
        case .disabling: stopOvertakenByHand()
        case .unspecified, .UNRECOGNIZED: throw violation("nobody asked for \(protection.state)")
        }
        return true
    }
}
