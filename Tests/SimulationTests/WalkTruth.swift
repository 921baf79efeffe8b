import Messages

@testable import HostAgent

/// What must always hold, checked against what really happened.
struct WalkTruth {
    /// What the guest's disks held when each cycle was captured. Numbers are never given twice.
    private(set) var captured: [UInt64: [Int]] = [:]
    /// Somebody asked for a reversal, whose first cycle overwrites what the old side wrote.
    var isLossAsked = false

    // MARK: At every step

    mutating func check(_ hosts: inout [WalkHost], registered: Protection?) throws {
        for index in hosts.indices {
            for (cycle, content) in hosts[index].captured {
                if hosts.contains(where: { $0.replica?.points.contains(cycle) == true }) {
                    throw WalkViolation("cycle \(cycle) is captured again after it was committed")
                }
                captured[cycle] = content
            }
            hosts[index].captured = []
        }
        for host in hosts {
            try checkPoints(of: host)
            try checkGuest(of: host)
        }
        try checkSides(hosts, registered)
    }

    /// 1. A listed point equals what the guest's disks held at its capture.
    private func checkPoints(of host: WalkHost) throws {
        guard let replica = host.replica else { return }
        for cycle in replica.points {
            guard let truth = captured[cycle] else {
                throw WalkViolation("host \(host.index) lists point \(cycle), which was never captured")
            }
            let held = replica.content(of: cycle, upon: host.base)
            guard held == truth else {
                throw WalkViolation("point \(cycle) at host \(host.index) holds \(held), captured was \(truth)")
            }
        }
        // 8. A test touches nothing, and nothing touches it.
        if let test = host.test, test.started != nil, let content = host.testContent {
            guard content == replica.content(of: test.order.cycle, upon: host.base) else {
                throw WalkViolation("what the test at host \(host.index) reads of point \(test.order.cycle) changed")
            }
        }
    }

    /// 4. The guest is never harmed: its disks show what it wrote.
    private func checkGuest(of host: WalkHost) throws {
        guard let guest = host.guest, guest.isOn else { return }
        let disk = try host.disk()
        guard disk == guest.shadow else {
            throw WalkViolation("the guest at host \(host.index) wrote \(guest.shadow), its disks hold \(disk)")
        }
    }

    /// 3. Never two sides with the same generation, and nobody ahead of the vault.
    private func checkSides(_ hosts: [WalkHost], _ registered: Protection?) throws {
        let active = hosts.compactMap(\.side).filter(\.isActive)
        if active.count == 2, active[0].generation == active[1].generation {
            throw WalkViolation("both sides are active at generation \(active[0].generation)")
        }
        guard let registered else { return }
        for host in hosts {
            let known = max(host.side?.generation ?? 0, host.replica?.generation ?? 0)
            guard known <= registered.generation else {
                throw WalkViolation("host \(host.index) knows generation \(known), the vault \(registered.generation)")
            }
        }
    }

    // MARK: At commands

    mutating func noteMove(_ question: WalkQuestion, registered: Protection?) {
        guard case .vaultRequest(let body) = question.body, case .advanceFailover(let advance) = body.request else {
            return
        }
        // Each failover has its own reversal to be asked for.
        if advance.step == .activateTarget { isLossAsked = false }
    }

    mutating func look(
        _ question: WalkQuestion, _ reply: WalkReply?, before: WalkHost, after: inout WalkHost, other: WalkHost,
        kinds: [RunKind]
    ) throws {
        guard case .agentRequest(let body) = question.body, let request = body.request else { return }
        for loss in after.losses where !kinds.contains(where: { $0 == .changePoint || $0 == .cancel }) {
            throw WalkViolation("\(loss), and nobody asked for it: \(kinds)")
        }
        after.losses = []
        for adoption in after.adoptions { try checkAdoption(adoption, at: after, before, other) }
        after.adoptions = []
        if before.guest?.isOn != true, after.guest?.isOn == true {
            try checkStart(request, at: after, other, kinds)
        }
        if before.guest?.isOn == true, after.guest?.isOn != true {
            switch request {
            case .stopGuest, .stopReplica, .setSide: break
            default: throw WalkViolation("the guest at host \(after.index) ended by \(request)")
            }
        }
    }

    /// No disk becomes the base of a replica, which replication overwrites, before the other side has what it holds, or
    /// its loss was asked for.
    private func checkAdoption(
        _ adoption: (cycle: UInt64, isDiverged: Bool), at host: WalkHost, _ before: WalkHost, _ other: WalkHost
    ) throws {
        if adoption.isDiverged {
            guard isLossAsked else {
                throw WalkViolation("what host \(host.index) wrote would be overwritten, and nobody asked for it")
            }
            return
        }
        let disk = before.guest?.shadow ?? []
        guard disk == captured[adoption.cycle] else {
            throw WalkViolation(
                "the disks of host \(host.index) hold \(disk), point \(adoption.cycle) "
                    + "\(captured[adoption.cycle] ?? [])")
        }
        let isThere =
            other.started?.order.cycle == adoption.cycle || other.startedOnBase?.guest.cycle == adoption.cycle
        guard isThere else {
            throw WalkViolation("point \(adoption.cycle) does not run at the other side of host \(host.index)")
        }
    }

    /// Whom our agents start, they start alone: the other side is off, or it is one that lost, and is fenced as its pair
    /// says as soon as it knows. A planned failover loses nothing, so there it is off.
    private func checkStart(
        _ request: AgentRequest.OneOf_Request, at host: WalkHost, _ other: WalkHost, _ kinds: [RunKind]
    ) throws {
        guard other.guest?.isOn == true else { return }
        guard other.side?.isActive != true || (other.side?.generation ?? 0) < (host.side?.generation ?? 0) else {
            throw WalkViolation("host \(host.index) starts the guest while host \(other.index) runs it: \(request)")
        }
        // One that started by itself after it was stopped (with its host, say) is told of, and its disks are not adopted.
        let ranAgain = other.stopped != nil && other.stopped != other.guest?.starts
        guard ranAgain || !kinds.contains(where: { $0 == .planned || $0 == .failback }) else {
            throw WalkViolation("a planned failover starts the guest at \(host.index) while \(other.index) runs it")
        }
    }
}
