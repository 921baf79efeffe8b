import Messages

@testable import HostAgent

/// Making the disks of this host's guest the base of a replica.
extension WalkHost {
    mutating func adopt(_ order: StartedRole.AdoptionOrder) throws {
        try requirePassive(order.generation)
        guard guest?.isOn != true else { throw Self.refused("the guest runs") }
        if let known = started, !known.order.onBase {
            try takeIn(known, order)
        } else if let held = replica {
            try admit(order.generation)
            guard held.baseCycle == order.cycle, order.isDiverged || held.base != .diverged(order.cycle) else {
                throw Self.refused("another replica is here: base \(held.base), asked \(order.cycle)", .conflict)
            }
            // A start on these disks that was not finished is over.
            if started != nil {
                if case .diverged(held.running) = held.base { replica?.running = nil }
                started = nil
            }
        } else {
            try adoptOwn(order)
        }
        startedOnBase = nil
    }

    private mutating func adoptOwn(_ order: StartedRole.AdoptionOrder) throws {
        guard guest?.isOwn == true, ownDisk != nil else { throw Self.refused("no guest", .notFound) }
        if !order.isDiverged, let stopped {
            guard stopped == guest?.starts else { throw Self.refused("the guest ran again") }
            self.stopped = nil
        }
        try step()
        try releaseSource(order.generation)
        try step()
        guard order.generation >= retired else { throw Self.refused("generation \(retired)", .staleGeneration) }
        var made = WalkReplica(generation: order.generation)
        made.isAdopted = true
        made.base = order.isDiverged ? .diverged(order.cycle) : .settled(order.cycle)
        replica = made
        adoptions.append((order.cycle, order.isDiverged))
        try step()
    }

    private mutating func takeIn(_ known: StartedReplica, _ order: StartedRole.AdoptionOrder) throws {
        try admit(order.generation)
        let asked = try Adoption(cycle: order.cycle, isDiverged: order.isDiverged, disks: [], definition: "")
        let (running, adoption) = try StartedReplica.adopt(known, asked)
        if known.phase != .returning(running, adoption) {
            try settle(on: known.order.cycle)
            if case .plain = known.phase {} else { started?.phase = .plain(running) }
            try step()
            try releaseSource(order.generation)
            started?.phase = .returning(running, adoption)
        }
        try step()
        try absorb(adoption)
        try step()
        guest = nil
        try step()
        replica?.running = nil
        try step()
        started = nil
    }

    private mutating func absorb(_ adoption: Adoption) throws {
        let result = adoption.isDiverged ? WalkReplica.Base.diverged(adoption.cycle) : .settled(adoption.cycle)
        guard replica?.base != result || guest?.overlay.isEmpty == false else { return }
        let begun = WalkReplica.Base.absorbing(adoption.cycle, isDiverged: adoption.isDiverged)
        if replica?.base != begun, replica?.base != result {
            let held = replica?.baseCycle ?? 0
            guard adoption.cycle > held || adoption.isDiverged && adoption.cycle == held else {
                throw Self.refused(
                    "point \(adoption.cycle) is not later than \(replica?.baseCycle ?? 0)", .invalidArgument)
            }
            replica?.base = begun
            adoptions.append((adoption.cycle, adoption.isDiverged))
            try step()
        }
        for block in (guest?.overlay ?? [:]).keys.sorted() {
            base[block] = guest?.overlay[block] ?? 0
            try step()
        }
        replica?.base = result
        replica?.running = nil
        try step()
        guest?.overlay = [:]
    }
}
