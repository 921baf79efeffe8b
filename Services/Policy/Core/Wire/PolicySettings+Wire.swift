import Messages
import SwiftProtobuf

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
            whenShutdownFails: try ShutdownFailure(wire: wire.whenShutdownFails),
            bandwidthSchedule: BandwidthSchedule(wire: wire))
        guard bandwidthSchedule.isTimeZoneKnown else {
            throw PolicyError(
                .invalidArgument,
                "Policy \(name) names the time zone \(bandwidthSchedule.timeZone), which is not known.",
                remedy: "Give one as in Europe/Berlin, or none for UTC.")
        }
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
        policy.bandwidthSchedule = bandwidthSchedule.windows.map(\.wire)
        policy.timeZone = bandwidthSchedule.timeZone
        return policy
    }
}

extension BandwidthSchedule {
    init(wire: Messages.ReplicationPolicy) {
        windows = wire.bandwidthSchedule.map { Window(wire: $0) }
        timeZone = wire.timeZone
    }
}

extension BandwidthSchedule.Window {
    init(wire: Messages.BandwidthWindow) {
        weekdays = wire.weekdays
        fromMinute = wire.fromMinute
        toMinute = wire.toMinute
        bytesPerSecond = wire.bytesPerSecond
    }

    var wire: Messages.BandwidthWindow {
        .with {
            $0.weekdays = weekdays
            $0.fromMinute = fromMinute
            $0.toMinute = toMinute
            $0.bytesPerSecond = bytesPerSecond
        }
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
