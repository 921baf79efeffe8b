import Messages

extension PolicySettings {
    init(wire: Messages.ReplicationPolicy) throws {
        self.init(
            name: wire.name, frequencySeconds: wire.frequencySeconds,
            retention: Retention(
                everyCycleSeconds: wire.retention.everyCycleSeconds, hourlySeconds: wire.retention.hourlySeconds,
                dailySeconds: wire.retention.dailySeconds),
            applicationConsistentEverySeconds: wire.applicationConsistentEverySeconds,
            compression: try Compression(wire: wire.compression),
            bandwidthBytesPerSecond: wire.bandwidthBytesPerSecond,
            initialNotBeforeUnixSeconds: wire.initialNotBeforeUnixSeconds,
            freezeLimitMilliseconds: wire.freezeLimitMs == 0
                ? PolicyLimits.freezeLimitMillisecondsDefault : wire.freezeLimitMs,
            version: wire.version,
            shutdownLimitSeconds: wire.shutdownLimitSeconds == 0
                ? PolicyLimits.shutdownLimitSecondsDefault : wire.shutdownLimitSeconds,
            whenShutdownFails: try ShutdownFailure(wire: wire.whenShutdownFails))
    }

    var wire: Messages.ReplicationPolicy {
        var policy = Messages.ReplicationPolicy()
        policy.name = name
        policy.frequencySeconds = frequencySeconds
        policy.retention = retention.wire
        policy.applicationConsistentEverySeconds = applicationConsistentEverySeconds
        policy.compression = compression.wire
        policy.bandwidthBytesPerSecond = bandwidthBytesPerSecond
        policy.initialNotBeforeUnixSeconds = initialNotBeforeUnixSeconds
        policy.freezeLimitMs = freezeLimitMilliseconds
        policy.version = version
        policy.shutdownLimitSeconds = shutdownLimitSeconds
        policy.whenShutdownFails = whenShutdownFails.wire
        return policy
    }
}

extension PolicySettings.Retention {
    var wire: Messages.Retention {
        var retention = Messages.Retention()
        retention.everyCycleSeconds = everyCycleSeconds
        retention.hourlySeconds = hourlySeconds
        retention.dailySeconds = dailySeconds
        return retention
    }
}
