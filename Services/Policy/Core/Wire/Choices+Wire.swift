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
        case .failingOver, .commitPending, .committed, .reversing, .unspecified, .UNRECOGNIZED: return nil
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
