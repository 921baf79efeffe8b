package import Messages

extension Registry.Side {
    package init(wire: ActiveSide) {
        switch wire {
        case .source: self = .source
        case .target: self = .target
        case .unspecified, .UNRECOGNIZED: self = .unknown
        }
    }
}

extension Registry.Fence {
    /// Nothing said means what the vault takes it for: the mildest action.
    package init(wire: FenceAction) {
        switch wire {
        case .disconnect: self = .disconnect
        case .shutDown: self = .shutDown
        case .alarm, .unspecified, .UNRECOGNIZED: self = .alarm
        }
    }

    package var wire: FenceAction {
        switch self {
        case .alarm: .alarm
        case .disconnect: .disconnect
        case .shutDown: .shutDown
        }
    }
}

extension Registry.Network {
    package init(wire: NetworkMapping) {
        self.init(source: wire.source, target: wire.target, testTarget: wire.testTarget)
    }

    package var wire: NetworkMapping {
        var mapping = NetworkMapping()
        mapping.source = source
        mapping.target = target
        mapping.testTarget = testTarget
        return mapping
    }
}
