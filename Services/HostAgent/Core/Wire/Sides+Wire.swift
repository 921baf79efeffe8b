import FoundationEssentials
import Hypervisor
import Messages

extension SideStateMachine.Order {
    init(_ request: SetSide, generation: UInt64) throws {
        self.init(
            guest: try RequiredField.uuid(request.guestUuid, "guest_uuid").uuidString.lowercased(),
            generation: try requiredGeneration(generation),
            standing: request.active ? .active : .passive(try SideStateMachine.Fence(request.fenceAction)))
    }

    /// Nil when it is malformed: the vault's other duties still count.
    init?(_ duty: Duty) {
        guard let guest = UUID(uuidString: duty.guestUuid),
            (1...RequiredField.generationMaximum).contains(duty.generation)
        else { return nil }
        let fence: SideStateMachine.Fence =
            switch duty.fenceAction {
            case .unspecified, .alarm, .UNRECOGNIZED: .alarm
            case .disconnect: .disconnect
            case .shutDown: .shutDown
            }
        self.init(
            guest: guest.uuidString.lowercased(), generation: duty.generation,
            standing: duty.active ? .active : .passive(fence), activeHost: duty.activeHost)
    }

    /// By protection.
    static func orders(_ duties: HostDuties) -> [String: SideStateMachine.Order] {
        var orders: [String: SideStateMachine.Order] = [:]
        for duty in duties.duties.prefix(HostAgentLimits.sidesMaximum) {
            guard let protection = UUID(uuidString: duty.protection), let order = SideStateMachine.Order(duty) else {
                continue
            }
            orders[protection.uuidString.lowercased()] = order
        }
        return orders
    }
}

extension SideStateMachine.Fence {
    /// An action that was not chosen is the mildest one.
    init(_ action: FenceAction) throws {
        switch action {
        case .unspecified, .alarm: self = .alarm
        case .disconnect: self = .disconnect
        case .shutDown: self = .shutDown
        case .UNRECOGNIZED(let number):
            throw RemoteError(
                .invalidArgument, "fence_action is not set to a known value.",
                facts: ["field": "fence_action", "value": "\(number)"])
        }
    }
}

extension SideReport {
    init(protection: String, generation: UInt64, active: Bool, cycle: UInt64) {
        self.init()
        self.protection = protection
        self.generation = generation
        self.active = active
        self.cycle = cycle
    }
}

extension GuestStopped {
    init(_ stopped: StoppedGuest) {
        self.init()
        wasRunning = stopped.wasRunning
        forced = stopped.wasForced
    }
}

extension ReplicaStarted {
    /// - Parameter isVerified: whether the point that it runs from is marked.
    init(_ guest: StartedGuest, isVerified: Bool = false) {
        self.init()
        guestUuid = guest.uuid
        guestName = guest.name
        cycle = guest.cycle
        startMs = UInt32(clamping: guest.startMilliseconds)
        runningUnixMs = guest.runningUnixMilliseconds
        warnings = guest.warnings
        verified = isVerified
    }
}
