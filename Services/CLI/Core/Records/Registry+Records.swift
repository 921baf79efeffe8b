// The records of the registry. Their property names are the keys of `--json`, and those are promised: see
// Services/CLI/Documentation/JSON.md.

extension Registry {
    package struct Site: Sendable, Equatable, Codable {
        package var name: String
    }

    package struct Cloud: Sendable, Equatable, Codable {
        package var name: String
        package var site: String
    }

    package struct Pair: Sendable, Equatable, Codable {
        package var source: String
        package var target: String
        /// Empty: none yet.
        package var policy: String
        /// Guests that appear later are protected by themselves.
        package var autoProtect: Bool
        /// Every guest of the source cloud is meant to be protected.
        package var protectAll: Bool
    }

    package struct Host: Sendable, Equatable, Codable {
        package var id: String
        package var name: String
        package var cloud: String
        package var endpoint: String
        package var agentVersion: String
        package var hypervisor: String
        package var reachable: Bool
        package var lastSeenUnixMilliseconds: Int64
        package var memoryBytes: UInt64
        package var memoryFreeBytes: UInt64
        package var replicaBytes: UInt64
        package var replicaFreeBytes: UInt64
    }

    package enum Power: String, Sendable, Codable, CaseIterable {
        case running
        case paused
        case shutOff
        case crashed
        case unknown

        package var words: String {
            switch self {
            case .running: "running"
            case .paused: "paused"
            case .shutOff: "shut off"
            case .crashed: "crashed"
            case .unknown: "unknown"
            }
        }
    }

    package struct Disk: Sendable, Equatable, Codable {
        package var target: String
        package var sizeBytes: UInt64
        package var format: String
        package var source: String
    }

    package struct Finding: Sendable, Equatable, Codable {
        package var rule: String
        package var subject: String
        package var message: String
        package var remedy: String
        /// It keeps the guest from being protected.
        package var blocking: Bool
    }

    package struct Guest: Sendable, Equatable, Codable {
        package var uuid: String
        package var name: String
        package var hostID: String
        package var power: Power
        package var memoryBytes: UInt64
        package var virtualCPUs: UInt32
        package var disks: [Disk]
        package var findings: [Finding]
        package var guestAgent: Bool

        package var diskBytes: UInt64 { disks.reduce(0) { $0 + $1.sizeBytes } }
    }

    package enum State: String, Sendable, Codable, CaseIterable {
        case enabling
        case seeding
        case protected
        case paused
        case resynchronizing
        case disabling
        case unknown
    }

    package struct Protection: Sendable, Equatable, Codable {
        package var id: String
        package var guest: String
        package var guestUUID: String
        package var sourceHost: String
        package var targetHost: String
        package var sourceCloud: String
        package var targetCloud: String
        package var state: State
        /// One sentence: why it is in this state; empty when that needs no saying.
        package var stateReason: String
        /// Replicates from the target back to the source.
        package var reversed: Bool
        package var generation: UInt64
        package var version: UInt64
        /// Empty: the policy of its pair of clouds.
        package var policyOverride: String
    }
}
