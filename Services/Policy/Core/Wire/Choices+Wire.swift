import Messages

// Enumerations on the wire and here. A zero or unknown value is refused where a choice matters.

extension CycleKind {
    var wire: Messages.CycleKind {
        switch self {
        case .full: .full
        case .incremental: .incremental
        case .compare: .compare
        }
    }
}

extension Consistency {
    /// nil: unspecified.
    init?(wire: Messages.Consistency) throws {
        switch wire {
        case .unspecified: return nil
        case .crash: self = .crash
        case .application: self = .application
        case .UNRECOGNIZED(let number):
            throw PolicyError(.invalidArgument, "Consistency \(number) is not known here.")
        }
    }

    var wire: Messages.Consistency {
        switch self {
        case .crash: .crash
        case .application: .application
        }
    }
}

extension PolicySettings.Compression {
    init(wire: Messages.Compression) throws {
        switch wire {
        // A policy without a word on it gets what is best for most.
        case .unspecified, .automatic: self = .automatic
        case .none: self = .none
        case .lz4: self = .lz4
        case .zstd: self = .zstd
        case .UNRECOGNIZED(let number):
            throw PolicyError(.invalidArgument, "Compression \(number) is not known here.")
        }
    }

    var wire: Messages.Compression {
        switch self {
        case .none: .none
        case .lz4: .lz4
        case .zstd: .zstd
        case .automatic: .automatic
        }
    }
}

extension ProtectionEntry.State {
    /// nil: a state that only a newer vault knows.
    init?(wire: Messages.ProtectionState) {
        switch wire {
        case .enabling: self = .enabling
        case .seeding: self = .seeding
        case .protected: self = .protected
        case .paused: self = .paused
        case .resynchronizing: self = .resynchronizing
        case .disabling: self = .disabling
        case .failingOver: self = .failingOver
        case .commitPending: self = .commitPending
        case .committed: self = .committed
        case .reversing: self = .reversing
        case .unspecified, .UNRECOGNIZED: return nil
        }
    }

    var wire: Messages.ProtectionState {
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

extension ProtectionEntry.Direction {
    /// A vault that does not say it knows no other.
    init?(wire: Messages.Direction) {
        switch wire {
        case .unspecified, .forward: self = .forward
        case .reverse: self = .reverse
        case .UNRECOGNIZED: return nil
        }
    }
}

extension ProtectionEntry.Side {
    /// A vault that does not say it knows no failover.
    init?(wire: Messages.ActiveSide) {
        switch wire {
        case .unspecified, .source: self = .source
        case .target: self = .target
        case .UNRECOGNIZED: return nil
        }
    }
}

extension PolicySettings.ShutdownFailure {
    init(wire: Messages.WhenShutdownFails) throws {
        switch wire {
        // Pulling the plug is only done for those who ask for it.
        case .unspecified, .stop: self = .stop
        case .destroy: self = .destroy
        case .UNRECOGNIZED(let number):
            throw PolicyError(.invalidArgument, "What to do when a shutdown fails, \(number), is not known here.")
        }
    }

    var wire: Messages.WhenShutdownFails {
        switch self {
        case .stop: .stop
        case .destroy: .destroy
        }
    }
}

extension ProtectionHealth.Level {
    var wire: Messages.HealthLevel {
        switch self {
        case .normal: .normal
        case .warning: .warning
        case .critical: .critical
        }
    }
}
