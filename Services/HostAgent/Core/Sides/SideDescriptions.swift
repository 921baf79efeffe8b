import FoundationEssentials
import Hypervisor
import Messages

/// What this host can tell of the protections that it is a side of.
struct SideDescriptions: Sendable {
    let sides: SideRole
    let target: TargetRole
    let started: StartedRole
    let hypervisor: any HypervisorDriver

    /// Of every side and every replica, so that the vault learns of a replica that was started without it.
    func reports() async throws -> [SideReport] {
        let known = await sides.all
        let replicas = await target.generations
        let started = try await started.failovers()
        var reports: [SideReport] = []
        for protection in Set(known.keys).union(replicas.keys).sorted() {
            let knowledge = SideKnowledge(side: known[protection], replica: replicas[protection])
            reports.append(
                SideReport(
                    protection: protection, generation: knowledge.generation, active: knowledge.isActive,
                    cycle: started[protection]?.cycle ?? 0))
        }
        return reports
    }

    func describe(_ protection: String, _ uuid: String) async throws -> SideDescription {
        let guest = try RequiredField.uuid(uuid, "guest_uuid").uuidString.lowercased()
        let side = await sides.side(of: protection)
        // A damaged replica of this protection is the answer also where its guest runs, because that host could neither
        // start the guest again (its disks may be that replica's base) nor take its disks into a replica afterwards. So a
        // planned failover is refused before anything was done. Replicas of other protections are not looked at.
        let replica = try await target.generation(of: protection)
        var description = SideDescription()
        let knowledge = SideKnowledge(side: side, replica: replica)
        description.generation = knowledge.generation
        description.active = knowledge.isActive
        description.hasReplica_p = replica != nil
        let running = try await started.failover(of: protection)
        do {
            let described = try await hypervisor.describe(guest: guest)
            description.power = Messages.PowerState(described.power)
            if let unfinished = described.findings.first(where: \.rule.forbidsHandingOver) {
                description.alarm = "\(unfinished.message) \(unfinished.remedy)"
            } else if described.power.hasProcess {
                if side?.guest == guest {
                    description.alarm = side?.alarm(SideStateMachine.Observation(described)) ?? ""
                }
            } else if replica == nil || running != nil {
                // Where its disks are the base of a replica, it is replication that writes to them.
                description.alarm = try await alarm(of: described, protection)
            }
        } catch let error as HypervisorError where error.code == .guestNotFound {
            // Unspecified: none is defined.
        }
        if let guest = running {
            description.failover = ReplicaStarted(guest, isVerified: await started.isVerified(protection, guest))
        }
        if let guest = try await started.started(protection, .test)?.started {
            description.test = ReplicaStarted(guest, isVerified: await started.isVerified(protection, guest))
        }
        return description
    }

    /// Of a guest that is off and was stopped by command; empty while it is as it was left.
    private func alarm(of guest: GuestDescription, _ protection: String) async throws -> String {
        let changed = Set(try await started.changedByOthers(guest, of: protection))
        guard !changed.isEmpty else { return "" }
        let disks = guest.disks.filter { changed.contains($0.source) }.map(\.target).joined(separator: ", ")
        return "Guest \(guest.name) ran again after it was stopped by command, or somebody else wrote to its disks: "
            + "\(disks) changed since."
    }
}
