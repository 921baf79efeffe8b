import Messages

@testable import HostAgent

/// What must always hold, checked against what really happened.
struct WalkTruth {
    /// What the guest's disks held when each cycle was captured, by protection. Numbers are never given twice.
    private(set) var captured: [String: [UInt64: [Int]]] = [:]
    /// Somebody asked for a reversal, whose first cycle overwrites what the old side wrote.
    var isLossAsked = false
    /// The generation that each host took by itself, which the vault may not have heard of.
    private(set) var taken: [Int: UInt64] = [:]

    // MARK: At every step

    mutating func check(_ hosts: inout [WalkHost], registered: Protection?) throws {
        for index in hosts.indices {
            for (protection, cycle, content) in hosts[index].captured {
                if hosts.contains(where: { $0.part(of: protection)?.replica?.points.contains(cycle) == true }) {
                    throw WalkViolation("cycle \(cycle) is captured again after it was committed")
                }
                captured[protection, default: [:]][cycle] = content
            }
            hosts[index].captured = []
        }
        for index in hosts.indices {
            // 4. Whoever is no longer protected is nobody's but its owner's.
            for protection in hosts[index].fencedUnnamed where protection != registered?.id {
                throw WalkViolation("host \(index) shuts its guest down for protection \(protection), which is over")
            }
            hosts[index].fencedUnnamed = []
        }
        for host in hosts {
            for (protection, part) in host.parts { try checkPoints(of: part, protection, at: host) }
            try checkGuest(of: host)
        }
        try checkSides(hosts, registered)
    }

    /// 1. A listed point equals what the guest's disks held at its capture.
    private func checkPoints(of part: WalkPart, _ protection: String, at host: WalkHost) throws {
        guard let replica = part.replica else { return }
        let base = host.base(of: part)
        for cycle in replica.points {
            guard let truth = captured[protection]?[cycle] else {
                throw WalkViolation("host \(host.index) lists point \(cycle), which was never captured")
            }
            let held = replica.content(of: cycle, upon: base)
            guard held == truth else {
                throw WalkViolation("point \(cycle) at host \(host.index) holds \(held), captured was \(truth)")
            }
        }
        // 8. A test touches nothing, and nothing touches it.
        if let test = part.test, test.started != nil, let content = part.testContent {
            guard content == replica.content(of: test.order.cycle, upon: base) else {
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
        for host in hosts where host.protection == registered.id {
            let known = max(host.side?.generation ?? 0, host.replica?.generation ?? 0)
            guard known <= max(registered.generation, taken.values.max() ?? 0) else {
                throw WalkViolation("host \(host.index) knows generation \(known), the vault \(registered.generation)")
            }
        }
    }

    // MARK: At commands

    /// A host made itself the active side, which is a failover of its own.
    mutating func noteTaking(_ generation: UInt64, by host: Int) {
        guard taken[host].map({ $0 < generation }) ?? true else { return }
        taken[host] = generation
        isLossAsked = false
    }

    /// Another protection begins at its first generation.
    mutating func noteBeginning() {
        taken = [:]
        isLossAsked = false
    }

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
            try checkStart("\(request)", at: after, other, kinds)
        }
        if before.guest?.isOn == true, after.guest?.isOn != true {
            switch request {
            case .stopGuest, .stopReplica, .setSide: break
            default: throw WalkViolation("the guest at host \(after.index) ended by \(request)")
            }
        }
    }

    /// The start of one that takes its side by itself.
    func lookAtStart(before: WalkHost, after: WalkHost, other: WalkHost) throws {
        guard before.guest?.isOn != true, after.guest?.isOn == true else { return }
        try checkStart("recover", at: after, other, [])
    }

    /// No disk becomes the base of a replica, which replication overwrites, before the other side has what it holds, or
    /// its loss was asked for.
    private func checkAdoption(
        _ adoption: (cycle: UInt64, isDiverged: Bool, kept: String?), at host: WalkHost, _ before: WalkHost,
        _ other: WalkHost
    ) throws {
        if adoption.isDiverged {
            guard isLossAsked else {
                throw WalkViolation("what host \(host.index) wrote would be overwritten, and nobody asked for it")
            }
            if let name = adoption.kept, let guest = before.guest, host.kept[name] != guest.shadow {
                throw WalkViolation(
                    "host \(host.index) was to keep \(guest.shadow), and kept \(host.kept[name] ?? []) as \(name)")
            }
            return
        }
        let disk = before.guest?.shadow ?? []
        let point = captured[host.protection]?[adoption.cycle] ?? []
        guard disk == point else {
            throw WalkViolation("the disks of host \(host.index) hold \(disk), point \(adoption.cycle) \(point)")
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
        _ request: String, at host: WalkHost, _ other: WalkHost, _ kinds: [RunKind]
    ) throws {
        guard other.guest?.isOn == true else { return }
        // One that took its side by itself cannot tell a host that does not hear it.
        let isTaken = taken[other.index].map { $0 == other.side?.generation } ?? false
        guard other.side?.isActive != true || isTaken || (other.side?.generation ?? 0) < (host.side?.generation ?? 0)
        else {
            throw WalkViolation("host \(host.index) starts the guest while host \(other.index) runs it: \(request)")
        }
        // One that started by itself after it was stopped (with its host, say) is told of, and its disks are not adopted.
        let ranAgain = other.stopped != nil && other.stopped != other.guest?.starts
        guard ranAgain || isTaken || !kinds.contains(where: { $0 == .planned || $0 == .failback }) else {
            throw WalkViolation("a planned failover starts the guest at \(host.index) while \(other.index) runs it")
        }
    }
}
