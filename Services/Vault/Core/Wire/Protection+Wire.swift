internal import Messages
internal import SwiftProtobuf

extension Protection {
    var wire: Messages.Protection {
        .with {
            $0.id = id.text
            $0.guestUuid = guestUUID.text
            $0.guestName = guestName
            $0.sourceHostID = sourceHostID.text
            $0.targetHostID = targetHostID.text
            $0.sourceCloud = clouds.sourceCloud
            $0.targetCloud = clouds.targetCloud
            $0.state = state.wire
            $0.direction = direction.wire
            $0.generation = generation
            $0.version = version
            $0.policyOverride = policyOverride
            $0.stateReason = stateReason
            $0.createdUnixMs = createdUnixMilliseconds
            $0.keepReplica = state == .disabling(.keep)
            $0.activeSide = activeSide.wire
            $0.run = run?.text ?? ""
            $0.failoverCycle = failoverCycle
            $0.alarm = alarm
        }
    }
}

extension ActiveSide {
    fileprivate var wire: Messages.ActiveSide {
        switch self {
        case .source: .source
        case .target: .target
        }
    }
}

extension HostDuty {
    var wire: Duty {
        .with {
            $0.protection = protection.text
            $0.guestUuid = guestUUID.text
            $0.generation = generation
            $0.active = isActive
            $0.fenceAction = fenceAction.wire
            $0.activeHost = activeHostName
        }
    }
}

extension ProtectionState {
    fileprivate var wire: Messages.ProtectionState {
        switch self {
        case .enabling: .enabling
        case .seeding: .seeding
        case .protected: .protected
        case .paused: .paused
        case .resynchronizing: .resynchronizing
        case .disabling: .disabling
        case .failingOver: .failingOver
        case .commitPending: .commitPending
        case .committed: .committed
        case .reversing: .reversing
        }
    }
}

extension ReplicationDirection {
    fileprivate var wire: Direction {
        switch self {
        case .forward: .forward
        case .reverse: .reverse
        }
    }
}
