package import Messages

extension PolicyRecord {
    package init(wire: ReplicationPolicy) {
        self.init(name: wire.name)
        frequencySeconds = wire.frequencySeconds
        keepAllSeconds = wire.retention.everyCycleSeconds
        keepHourlySeconds = wire.retention.hourlySeconds
        keepDailySeconds = wire.retention.dailySeconds
        applicationConsistentSeconds = wire.applicationConsistentEverySeconds
        compression = Compression(wire: wire.compression)
        bandwidthBytesPerSecond = wire.bandwidthBytesPerSecond
        initialNotBeforeUnixSeconds = wire.initialNotBeforeUnixSeconds
        freezeLimitMilliseconds = wire.freezeLimitMs == 0 ? 5_000 : wire.freezeLimitMs
        shutdownLimitSeconds = wire.shutdownLimitSeconds == 0 ? 120 : wire.shutdownLimitSeconds
        whenShutdownFails = WhenShutdownFails(wire: wire.whenShutdownFails)
        bandwidthSchedule = wire.bandwidthSchedule.map(BandwidthWindowRecord.init(wire:))
        timeZone = wire.timeZone
        version = wire.version
    }

    package var wire: ReplicationPolicy {
        var policy = ReplicationPolicy()
        policy.name = name
        policy.frequencySeconds = frequencySeconds
        policy.retention.everyCycleSeconds = keepAllSeconds
        policy.retention.hourlySeconds = keepHourlySeconds
        policy.retention.dailySeconds = keepDailySeconds
        policy.applicationConsistentEverySeconds = applicationConsistentSeconds
        policy.compression = compression.wire
        policy.bandwidthBytesPerSecond = bandwidthBytesPerSecond
        policy.initialNotBeforeUnixSeconds = initialNotBeforeUnixSeconds
        policy.freezeLimitMs = freezeLimitMilliseconds
        policy.shutdownLimitSeconds = shutdownLimitSeconds
        policy.whenShutdownFails = whenShutdownFails.wire
        policy.bandwidthSchedule = bandwidthSchedule.map(\.wire)
        policy.timeZone = timeZone
        policy.version = version
        return policy
    }
}

extension PolicyRecord.Compression {
    /// What a newer service may say beyond our words still compresses by itself.
    package init(wire: Compression) {
        switch wire {
        case .none: self = .none
        case .lz4: self = .lz4
        case .zstd: self = .zstd
        case .automatic, .unspecified, .UNRECOGNIZED: self = .automatic
        }
    }

    package var wire: Compression {
        switch self {
        case .none: .none
        case .lz4: .lz4
        case .zstd: .zstd
        case .automatic: .automatic
        }
    }
}

extension PolicyRecord.WhenShutdownFails {
    /// Nothing said means the harmless one, as the policy service takes it.
    package init(wire: WhenShutdownFails) {
        switch wire {
        case .destroy: self = .forceOff
        case .stop, .unspecified, .UNRECOGNIZED: self = .stop
        }
    }

    package var wire: WhenShutdownFails {
        switch self {
        case .stop: .stop
        case .forceOff: .destroy
        }
    }
}
