import Messages

@testable import HostAgent

/// Making the disks of this host's guest the base of a replica.
extension WalkHost {
    mutating func adopt(_ order: StartedRole.AdoptionOrder) throws {
        try requirePassive(order.generation)
        guard guest?.isOn != true else { throw Self.refused("the guest runs") }
        if let known = started, !known.order.onBase {
            try takeIn(known, order)
        } else if let held = replica, !(try letGo(held, order)) {
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

    private mutating func letGo(_ held: WalkReplica, _ order: StartedRole.AdoptionOrder) throws -> Bool {
        guard order.isDiverged, started == nil else { return false }
        try admit(order.generation)
        guard held.baseCycle != order.cycle else { return false }
        return try releaseUntouched()
    }

    /// Adopted disks to which nothing was replicated are the guest's own again.
    mutating func releaseUntouched() throws -> Bool {
        guard let held = replica, held.isAdopted, held.baseCycle > 0, held.newest == held.baseCycle,
            held.running == nil, held.settling == nil
        else { return false }
        guard test == nil else { throw Self.refused("a test reads the base") }
        try discardCycle()
        retired = held.generation
        try step()
        replica = nil
        return true
    }

    private mutating func adoptOwn(_ order: StartedRole.AdoptionOrder) throws {
        guard guest?.isOwn == true, ownDisk != nil else { throw Self.refused("no guest", .notFound) }
        if !order.isDiverged, let stopped {
            guard stopped == guest?.starts else { throw Self.refused("the guest ran again") }
            self.stopped = nil
        }
        try step()
        let written = order.isDiverged ? written(since: order.cycle) : []
        let name = "\(protection)-g\(order.generation)"
        if order.isDiverged, order.keepsDiverged {
            if kept[name] == nil || part.kept != guest?.starts { kept[name] = ownDisk }
            try step()
            part.kept = guest?.starts
        }
        try step()
        try releaseSource(order.generation)
        try step()
        guard order.generation >= retired else { throw Self.refused("generation \(retired)", .staleGeneration) }
        var made = WalkReplica(generation: order.generation)
        made.isAdopted = true
        made.base = order.isDiverged ? .diverged(order.cycle) : .settled(order.cycle)
        made.written = written
        replica = made
        adoptions.append((order.cycle, order.isDiverged, order.isDiverged && order.keepsDiverged ? name : nil))
        try step()
    }

    /// What the guest wrote after a point, as its bitmaps tell it; nil: they do not.
    private func written(since cycle: UInt64) -> Set<Int>? {
        guard let guest, let found = guest.checkpoint(upTo: cycle), let checkpoint = guest.checkpoints[found],
            checkpoint.isConsistent
        else { return nil }
        return checkpoint.dirty
    }

    private mutating func takeIn(_ known: StartedReplica, _ order: StartedRole.AdoptionOrder) throws {
        try admit(order.generation)
        let asked = try Adoption(cycle: order.cycle, isDiverged: order.isDiverged, disks: [], definition: "")
        let (running, adoption) = try StartedReplica.adopt(known, asked)
        if known.phase != .returning(running, adoption) {
            if !order.isDiverged, let stopped, let starts = guest?.starts, stopped != starts {
                throw Self.refused("the guest ran again")
            }
            try settle(on: known.order.cycle)
            if case .plain = known.phase {} else { started?.phase = .plain(running) }
            try step()
            if order.isDiverged, order.keepsDiverged { try keepCopy(order) }
            try releaseSource(order.generation)
            started?.phase = .returning(running, adoption)
        }
        stopped = nil
        try step()
        try absorb(adoption, kept: order.isDiverged && order.keepsDiverged ? copyName(order) : nil)
        try step()
        guest = nil
        try step()
        replica?.running = nil
        try step()
        started = nil
    }

    private func copyName(_ order: StartedRole.AdoptionOrder) -> String { "copy-\(protection)-g\(order.generation)" }

    /// A copy that is there whole is not made again.
    private mutating func keepCopy(_ order: StartedRole.AdoptionOrder) throws {
        guard guest != nil, kept[copyName(order)] == nil || part.kept != guest?.starts else { return }
        let content = try disk()
        try step()
        kept[copyName(order)] = content
        try step()
        part.kept = guest?.starts
    }

    private mutating func absorb(_ adoption: Adoption, kept: String?) throws {
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
            adoptions.append((adoption.cycle, adoption.isDiverged, kept))
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
