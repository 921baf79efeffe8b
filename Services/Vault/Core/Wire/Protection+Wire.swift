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
            $0.sourceCloud = pair.sourceCloud
            $0.targetCloud = pair.targetCloud
            $0.state = state.wire
            $0.direction = direction.wire
            $0.generation = generation
            $0.version = version
            $0.policyOverride = policyOverride
            $0.stateReason = stateReason
            $0.createdUnixMs = createdUnixMilliseconds
            $0.keepReplica = state == .disabling(.keep)
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
