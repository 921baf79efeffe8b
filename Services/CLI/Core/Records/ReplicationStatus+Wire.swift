package import Messages

extension ReplicationStatus {
    package init(wire: ProtectionStatus) {
        self.init(
            protection: wire.protection, health: Level(wire: wire.health.level), healthReason: wire.health.reason,
            healthRemedy: wire.health.remedy, policy: wire.policy, newestCycle: wire.newestCycle,
            newestPointAgeMilliseconds: wire.newestPointAgeMs < 0 || wire.newestCycle == 0
                ? nil : wire.newestPointAgeMs,
            cycleOpen: wire.cycleOpen, phase: wire.phase, pendingBytes: wire.pendingBytes, totalBytes: wire.totalBytes,
            rateBytesPerSecond: wire.rateBytesPerSecond, failuresInARow: wire.failuresInARow,
            protectionVersion: wire.protectionVersion,
            lastCycle: wire.hasLast ? CycleRecord(wire: wire.last) : nil,
            lastFailure: wire.hasLastFailure ? CycleRecord(wire: wire.lastFailure) : nil)
    }
}

extension ReplicationStatus.Level {
    package init(wire: HealthLevel) {
        switch wire {
        case .normal: self = .normal
        case .warning: self = .warning
        case .critical: self = .critical
        case .unspecified, .UNRECOGNIZED: self = .unknown
        }
    }
}

extension CycleRecord {
    package init(wire: CycleReport) {
        self.init(
            cycle: wire.cycle, kind: Kind(wire: wire.kind), consistency: Consistency(wire: wire.consistency),
            capturedUnixMilliseconds: wire.capturedUnixMs, committedUnixMilliseconds: wire.committedUnixMs,
            durationMilliseconds: wire.durationMs, changedBytes: wire.changedBytes, sentBytes: wire.sentBytes,
            reason: wire.reason,
            error: wire.hasError ? RemoteErrorRecord(RemoteError(wire: wire.error)) : nil)
    }
}

extension CycleRecord.Kind {
    package init(wire: CycleKind) {
        switch wire {
        case .full: self = .full
        case .incremental: self = .incremental
        case .compare: self = .compare
        case .unspecified, .UNRECOGNIZED: self = .unknown
        }
    }
}

extension CycleRecord.Consistency {
    package init(wire: Consistency) {
        switch wire {
        case .crash: self = .crash
        case .application: self = .application
        case .unspecified, .UNRECOGNIZED: self = .unknown
        }
    }

    package var wire: Consistency {
        switch self {
        case .crash: .crash
        case .application: .application
        case .unknown: .unspecified
        }
    }
}

extension RemoteErrorRecord {
    package init(_ error: RemoteError) {
        self.init(code: error.code.name, message: error.message, remedy: error.remedy, facts: error.facts)
    }
}
