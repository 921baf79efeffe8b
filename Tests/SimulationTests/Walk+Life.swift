import FoundationEssentials
import Messages
import Repeatable
import SwiftProtobuf

@testable import HostAgent

// How a protection ends and begins again, and how a host starts a guest without anybody.

extension Walk {
    // MARK: Recover

    /// What an operator does at the target when nobody else answers, or thinks so.
    mutating func recover() throws {
        guard let protection, let index = WalkWords.hosts.firstIndex(of: protection.targetHostID),
            !hosts[index].isOff, hosts[index].replica != nil
        else { return }
        if random.happens(500) {
            note("a disaster at host \(1 - index), and every service is away")
            isVaultAway = true
            isPolicyAway = true
            if !hosts[1 - index].isOff { hosts[1 - index].crashes() }
            comeBack(1 - index)
        }
        let points = hosts[index].replica?.points ?? []
        let cycle = random.happens(300) ? points.randomElement(using: &random) : nil
        counts["recoveries", default: 0] += 1
        let wasUp = hosts[index].isUp
        armKill(index)
        let before = hosts[index]
        let outcome = try hosts[index].recover(cycle: cycle)
        if wasUp { disarm(index) } else { hosts[index].killIn = nil }
        note("recover at host \(index), point \(cycle ?? 0): \(outcome)")
        if let side = hosts[index].side, side.isActive { truth.noteTaking(side.generation, by: index) }
        try truth.lookAtStart(before: before, after: hosts[index], other: hosts[1 - index])
    }

    // MARK: Unprotect

    mutating func unprotect(keeping: Bool) {
        counts["commands", default: 0] += 1
        note("asked for: unprotect\(keeping ? ", keeping the replica" : "")")
        send(
            WalkQuestion(
                number: numbers.next(), from: .person, to: .vault,
                body: .vaultRequest(
                    .with {
                        $0.request = .unprotect(
                            .with {
                                $0.protection = protection?.id ?? "web"
                                $0.keepReplica = keeping
                            })
                    }), generation: 0, operation: random.bytes(16), deadlineMilliseconds: 5_000))
    }

    /// Legal in every state in which nothing is left undecided, and in which no guest loses its disks by it.
    func checkUnprotect(_ question: WalkQuestion, _ before: Protection?, _ reply: WalkReply) throws {
        guard case .vaultRequest(let body) = question.body, case .unprotect(let request) = body.request else { return }
        let isLegal =
            switch before?.state {
            case .enabling, .seeding, .protected, .paused, .resynchronizing, .reversing: true
            case .committed: request.keepReplica
            case .disabling: before?.keepReplica == request.keepReplica
            case .commitPending: request.keepReplica && before?.failoverCycle == 0
            case .failingOver, .unspecified, .UNRECOGNIZED, nil: false
            }
        switch reply {
        case .success:
            guard isLegal else { throw WalkViolation("unprotected while \(before?.state ?? .unspecified)") }
        case .failure(let error):
            guard !isLegal, !error.remedy.isEmpty else {
                throw WalkViolation("unprotect while \(before?.state ?? .unspecified) was refused: \(error)")
            }
        }
    }

    mutating func noteRegistered(_ before: Protection?, _ after: Protection?) {
        guard before?.id != after?.id else { return }
        if let before {
            note("the guest is no longer protected")
            counts["unprotected", default: 0] += 1
            let active = before.activeSide == .target ? before.targetHostID : before.sourceHostID
            owner = WalkWords.hosts.firstIndex(of: active) ?? 0
        }
        guard let after else { return }
        note("the guest is protected")
        for index in hosts.indices { hosts[index].turn(to: after.id) }
        truth.noteBeginning()
    }

    // MARK: Protect again

    mutating func protectAgain() throws {
        guard protection == nil, hosts.allSatisfy(\.isUp) else { return }
        try bringHome()
        for index in hosts.indices { try report(index) }
        send(
            WalkQuestion(
                number: numbers.next(), from: .person, to: .vault,
                body: .vaultRequest(
                    .with {
                        $0.request = .protect(
                            .with {
                                $0.guest = "web"
                                $0.sourceHost = "host0"
                                $0.targetCloud = "cloud1"
                            })
                    }), generation: 0, operation: random.bytes(16), deadlineMilliseconds: 5_000))
    }

    /// Whoever owns the guest carries its disks back to host 0, when it was left at the other one, and removes there what
    /// a guest ran from. What was merely kept stays.
    private mutating func bringHome() throws {
        if owner == 1, hosts[1].guest != nil {
            note("the guest's disks are carried to host 0")
            let content = try hosts[1].disk()
            guard hosts[1].guest?.isOn != true || content == hosts[1].guest?.shadow else {
                throw violation("the guest of host 1 lost what it wrote when it was unprotected")
            }
            hosts[0].ownDisk = content
            hosts[0].guest = WalkGuest(isOn: false, startsWithHost: random.happens(500), isOwn: true, shadow: content)
            hosts[0].removeByHand { _ in true }
        } else if hosts[0].guest?.isOwn == false {
            // It ran from a replica whose base were its own disks.
            let content = try hosts[0].disk()
            hosts[0].ownDisk = content
            hosts[0].guest = WalkGuest(isOn: false, startsWithHost: random.happens(500), isOwn: true, shadow: content)
            hosts[0].removeByHand { _ in true }
        }
        if hosts[1].guest != nil || hosts[1].parts.contains(where: { $0.value.started != nil }) {
            hosts[1].guest = nil
            hosts[1].removeByHand { $0.started != nil }
        }
        owner = 0
        if hosts[0].guest?.isOn == false { hosts[0].guest?.isOn = true }
    }
}

extension WalkHost {
    /// The agent is stopped, directories of replicas are removed, and it is started again.
    fileprivate mutating func removeByHand(_ isUnwanted: (WalkPart) -> Bool) {
        agentEnds()
        forEachPart { host in
            guard isUnwanted(host.part) else { return }
            host.replica = nil
            host.started = nil
            host.startedOnBase = nil
            host.stopped = nil
        }
        agentStarts()
    }
}
